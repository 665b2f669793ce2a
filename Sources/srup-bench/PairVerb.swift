import ArgumentParser
import Bench
import Bluetooth
import Nearby
import ProofLink

struct PairVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pair",
        abstract: "Pair this machine with a beacon that has been opened for it, numbers being compared.",
        discussion: """
            For beacons that want authenticated links. First open the beacon: srup-beacon pair. Then, here, give its \
            address and answer yes on both sides if both show the same six digits. A pairing over LE holds for BR/EDR as \
            well where both adapters know Secure Connections. It takes root, or the capability CAP_NET_ADMIN.

            This is for machines without bluetoothd, and the kernel forgets the pairing with the adapter; where bluetoothd \
            runs, use bluetoothctl.

            EXAMPLE:
              srup-bench pair 00:11:22:33:44:55
            """)

    @Argument(help: ArgumentHelp("The beacon's address; see srup-bench scan (required).", valueName: "bdaddr"))
    var address: BluetoothAddress

    @Option(help: ArgumentHelp("Which kind of address that is.", valueName: "le-public|le-random|br/edr"))
    var kind = KindOption.lePublic

    @Option(help: ArgumentHelp("Our own Bluetooth adapter's address, where there are several.", valueName: "bdaddr"))
    var adapter: BluetoothAddress?

    @Option(help: "How long it may take, 10 to 600 seconds.")
    var seconds: UInt16 = 120

    func validate() throws {
        guard (10...600).contains(seconds) else { throw ValidationError("--seconds takes a number from 10 to 600") }
    }

    func run() throws {
        let adapters = adapter.map { [$0] } ?? []
        var paired: String?
        do throws(PairingFault) {
            paired = try Pairing.run(adapters, with: RadioAddress(address, kind.kind), seconds: seconds) {
                Terminal.print("pair: \($0)")
            }
        } catch {
            throw OperatorFault(error.sentence, hint: error.hint)
        }
        guard let paired else { throw ExitCode(1) }
        Terminal.print("pair: paired with \(paired)")
    }
}

/// Kinds of addresses by the names that people type.
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
