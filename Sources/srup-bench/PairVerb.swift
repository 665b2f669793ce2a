import ArgumentParser
import Bench
import Bluetooth
import Nearby
import ProofLink

struct PairVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pair",
        abstract: "Pair this machine with a beacon whose pairing window is open, by numeric comparison.",
        discussion: """
            For beacons that require authenticated links. First open the beacon's pairing window: srup-beacon pair. Then give \
            the beacon's address here, and answer yes on both sides if both show the same six digits. A pairing over LE is \
            also valid for BR/EDR if both adapters support Secure Connections. It needs root or the capability CAP_NET_ADMIN.

            This is for machines without bluetoothd; the kernel loses the pairing with the adapter. If bluetoothd is running, \
            use bluetoothctl.

            With --remove, this machine's keys for the address are removed instead, of every kind, from all adapters or from \
            --adapter, with bluetoothd or without it. The beacon keeps its own until it pairs again.

            Exit status 0: paired, or removed; 1: not, with the reason and a hint.

            EXAMPLE:
              srup-bench pair 00:11:22:33:44:55
              srup-bench pair --remove 00:11:22:33:44:55
            """)

    @Argument(help: ArgumentHelp("The beacon's address; see srup-bench scan (required).", valueName: "bdaddr"))
    var address: BluetoothAddress

    @Option(help: ArgumentHelp("The kind of the address.", valueName: "le-public|le-random|br/edr"))
    var kind = KindOption.lePublic

    @Option(
        help: ArgumentHelp(
            "The address of the local Bluetooth adapter. Default: the first that is powered on; with --remove, all.",
            valueName: "bdaddr"))
    var adapter: BluetoothAddress?

    @Flag(help: "Remove the pairing with the address from this machine.")
    var remove = false

    @Option(help: "Timeout, 10 to 600 seconds.")
    var seconds: UInt16 = 120

    func validate() throws {
        guard (10...600).contains(seconds) else { throw ValidationError("--seconds takes a number from 10 to 600") }
    }

    func run() throws {
        let survey = try RadioSurvey.take()
        if remove {
            let chosen = survey.adapters.filter { adapter == nil || $0.information.address == adapter }
            if chosen.isEmpty, let fault = survey.fault(adapter ?? .any, isLE: kind != .classic) { throw fault }
            let own = try PairingRemoval.run(address, from: chosen)
            return Terminal.print("pair: removed \(address) from \(own.map(\.description).joined(separator: ", "))")
        }
        let isLE = kind != .classic
        if let fault = survey.fault(adapter ?? .any, isLE: isLE) { throw fault }
        let own = survey.usable(adapter ?? .any, isLE: isLE)[0].information.address
        let paired = try Pairing.run([own], with: RadioAddress(address, kind.kind), seconds: seconds) {
            Terminal.print("pair: \($0)")
        }
        guard let paired else { throw ExitCode(1) }
        Terminal.print("pair: paired with \(paired), from \(own)")
    }
}

/// The value of `--kind`.
enum KindOption: String, ExpressibleByArgument, CaseIterable {
    case lePublic = "le-public"
    case leRandom = "le-random"
    case classic = "br/edr"

    var kind: AddressKind {
        switch self {
        case .lePublic: .lePublic
        case .leRandom: .leRandom
        case .classic: .classic
        }
    }
}
