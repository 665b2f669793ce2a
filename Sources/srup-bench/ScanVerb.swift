import ArgumentParser
import Bench
import Bluetooth
import Nearby

struct ScanVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "List the beacons in range, with their signal strength, the strongest first.",
        discussion: """
            Looks for advertisements over Bluetooth LE, beside bluetoothd or without it; it takes root, or the capability \
            CAP_NET_ADMIN. A line for each beacon: who it says that it is, its address, the strongest signal, and where it \
            listens. None of that is proven: anybody can say it, and signal strength is no distance.

            Exit status 0: a beacon was heard; 1: none was, or there was a mistake of ours.

            EXAMPLE:
              srup-bench scan --seconds 10
              srup-bench scan --json
            """)

    @Option(help: ArgumentHelp("How long to look.", valueName: "seconds"))
    var seconds = Seconds(5)

    @Option(help: ArgumentHelp("Our own Bluetooth adapter's address, where there are several.", valueName: "bdaddr"))
    var adapter: BluetoothAddress?

    @Flag(help: "Print one JSON object a line, for machines.")
    var json = false

    func run() throws {
        let sightings = try Scan.run(nanoseconds: seconds.nanoseconds, adapter: adapter ?? .any)
        for sighting in sightings { Terminal.print(json ? sighting.json : sighting.text) }
        guard sightings.isEmpty else { return }
        Terminal.printError("scan: no beacon was heard")
        throw ExitCode(1)
    }
}
