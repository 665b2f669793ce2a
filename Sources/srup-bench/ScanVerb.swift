import ArgumentParser
import Bench
import Bluetooth
import Nearby

struct ScanVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "List the beacons in range, with their signal strength, the strongest first.",
        discussion: """
            Scans for advertisements over Bluetooth LE with every adapter that is powered on, with bluetoothd or without it; it \
            needs root or the capability CAP_NET_ADMIN. One line for each beacon: its advertised identity, its address, the \
            strongest signal, where it listens, and which adapter of this machine received that signal. None of this is proven: anyone can advertise it, and signal strength is not a distance.

            After the beacons it lists the URLs that are advertised (Eddystone-URL): a beacon whose configuration has \
            registration-url sends the address of a registration service there. Anyone can send one, so give it to enrol only if you \
            know it.

            Exit status 0: a beacon was found; 1: none was found, or an error occurred.

            EXAMPLE:
              srup-bench scan --seconds 10
              srup-bench scan --json
            """)

    @Option(help: ArgumentHelp("How long to scan.", valueName: "seconds"))
    var seconds = Seconds(5)

    @Option(
        help: ArgumentHelp("Scan with this local Bluetooth adapter only, given by its address.", valueName: "bdaddr"))
    var adapter: BluetoothAddress?

    @Flag(help: "Print one JSON object per line.")
    var json = false

    func run() throws {
        let found = try Scan.run(for: seconds.duration, adapter: adapter ?? .any)
        for sighting in found.beacons { Terminal.print(json ? sighting.json : sighting.text) }
        for sighting in found.urls { Terminal.print(json ? sighting.json : sighting.text) }
        guard found.beacons.isEmpty else { return }
        Terminal.printError("scan: no beacon was found")
        throw ExitCode(1)
    }
}
