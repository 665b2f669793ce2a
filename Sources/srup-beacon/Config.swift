import ArgumentParser
import Daemon
import Glibc
import Operating

/// `srup-beacon config`
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the effective configuration, where each value comes from, and its hash.",
        discussion: """
            The configuration is the file, then the files of the folder conf.d beside it whose names end in .conf, in the order of \
            their names; a later value replaces an earlier one. Printed is a file with all of it: behind each value stands where \
            it comes from, file and line, or default.

            The hash is the same on beacons whose settings are the same. It leaves out what is different on each: identity, name, \
            site, position, client id, adapters, the beacons near it (neighbours, observer, observer-address), and the paths of keys \
            and certificates. A beacon tells it to servers, in status and in its metrics. If one runs with other settings than the files have now, that is said.

            Exit status 0: the configuration is valid; 1: it is not.

              srup-beacon config --hash
            """)

    @OptionGroup var options: ConfigurationOption

    @Flag(help: "Print one JSON object, for machines.")
    var json = false

    @Flag(help: "Print the hash alone.")
    var hash = false

    func validate() throws {
        if json, hash { throw ValidationError("give --json or --hash, not both") }
    }

    func run() throws {
        try reportingFaults {
            var effective = try EffectiveConfiguration(file: options.config)
            if hash { return print(effective.hash) }
            effective.askRunning()
            print(json ? try effective.json() : effective.text)
        }
    }
}
