import Broker
import Daemon
import EventLoop
import Files
import Glibc
import Keys
import OperatorText
import SQLite

/// One file of the archive.
struct SupportPart {
    let name: String
    /// For a person who has never seen one.
    let about: String
    var isLog = false
    /// Its text. The parameter is the path of a file that it may use meanwhile.
    let make: (String) throws -> String
}

// What is in the archive (docs/operations.md, "When you ask for help"). Each part is had by itself: one that is missing costs
// no other.
extension SupportArchive {
    var parts: [SupportPart] {
        [
            SupportPart(name: "versions.txt", about: "programs, libraries, kernel, distribution") { versions($0) },
            SupportPart(
                name: "configuration.txt", about: "the effective configuration, and where each value comes from"
            ) { _ in
                var effective = try EffectiveConfiguration(file: configuration)
                effective.askRunning()
                return effective.text + "\n"
            },
            SupportPart(name: "status.txt", about: "srup-beacon status") { _ in
                try Inquiry.report(try Inquiry.status(try read())).text + "\n"
            },
            SupportPart(name: "status.json", about: "the same, for machines") { _ in
                String(decoding: try Inquiry.status(try read()), as: UTF8.self) + "\n"
            },
            SupportPart(name: "metrics.txt", about: "srup-beacon metrics") { _ in try Inquiry.metrics(try read()) },
            SupportPart(name: "doctor.txt", about: "srup-beacon doctor") { file in
                let visit = visits ? [] : ["--no-visit"]
                return try taken(
                    [ChildProcess.ourselves, "doctor", "--all", "--config", configuration] + visit, into: file,
                    limit: .seconds(120),
                    isFaultyWith: { $0 > 1 })
            },
            SupportPart(name: "log.txt", about: "the end of the beacon's log", isLog: true) { try beaconLog($0) },
            SupportPart(name: "kernel.txt", about: "the kernel's Bluetooth messages since the machine's start") {
                file in
                try taken(["/bin/sh", "-c", SupportArchive.kernelMessages], into: file, isFaultyWith: { $0 != 0 })
            },
            SupportPart(name: "adapters.txt", about: "Bluetooth adapters and radio switches, as the kernel has them") {
                file in
                try taken(["/bin/sh", "-c", SupportArchive.adapters], into: file)
            },
            SupportPart(name: "service.txt", about: "the unit's state, restarts and limits") { file in
                try taken(["systemctl", "show", "srup-beacon", "--no-pager"], into: file)
            },
        ]
    }

    /// - Throws: `OperatorFault`.
    private func read() throws -> Configuration { try Configuration(file: configuration) }

    private func versions(_ file: String) -> String {
        func said(_ words: [String]) -> String {
            let first = try? taken(words, into: file, limit: .seconds(10)).split(separator: "\n").first
            return first.map(String.init) ?? "not there"
        }
        return """
            srup-beacon \(Shell.version)
            libraries: \(opensslVersion), mosquitto \(BrokerLink.libraryVersion), SQLite \(Database.libraryVersion)
            kernel: \(said(["uname", "-srvm"]))
            distribution: \(said(["sed", "-n", "s/^PRETTY_NAME=//p", "/etc/os-release"]))
            BlueZ: \(said(["bluetoothctl", "--version"]))
            systemd: \(said(["systemctl", "--version"]))

            """
    }

    private func beaconLog(_ file: String) throws -> String {
        if let log {
            return try taken(
                ["tail", "-c", "\(SupportArchive.longestLog)", log], into: file, most: SupportArchive.longestLog)
        }
        let text = try taken(
            ["journalctl", "-u", "srup-beacon", "-n", "50000", "--no-pager", "-q", "-o", "short-iso-precise"],
            into: file,
            most: SupportArchive.longestLog)
        guard !text.isEmpty else {
            throw OperatorFault(
                "systemd's journal has nothing of srup-beacon, or this user may not read it",
                hint: "run this as root: sudo srup-beacon support; or name the log's file with --messages")
        }
        return text
    }

    /// The messages about Bluetooth alone: others may say what is not ours to tell.
    private static let kernelMessages = """
        { journalctl -k -b -q --no-pager -o short-iso-precise 2>/dev/null || dmesg; } >"$TAKEN.all" || exit
        grep -iE 'bluetooth|hci[0-9]|hci_|btusb|btintel|btrtl|btbcm|btmtk|l2cap|rfcomm|rfkill' "$TAKEN.all" || echo 'no messages about Bluetooth'
        """

    private static let adapters = """
        for adapter in /sys/class/bluetooth/*; do [ ! -e "$adapter" ] || readlink -f "$adapter"; done
        for switch in /sys/class/rfkill/*; do
            [ ! -e "$switch" ] || echo "$(cat "$switch/name") $(cat "$switch/type"): soft $(cat "$switch/soft"), hard $(cat "$switch/hard")"
        done
        [ -e /sys/class/bluetooth ] || echo 'the kernel has no Bluetooth'
        """

    /// The output of a program, both streams.
    /// - Parameters:
    ///   - words: the program, by its path or as the shell finds it, and its arguments.
    ///   - file: holds the output meanwhile: there may be megabytes.
    ///   - most: bytes from the output's end that are taken.
    ///   - isFaultyWith: whether an exit status is a fault.
    /// - Throws: `OperatorFault` where it cannot be started, does not end in time, or ends with a fault.
    func taken(
        _ words: [String], into file: String, limit: Duration = .seconds(30), most: Int = SupportArchive.longestPart,
        isFaultyWith: (Int) -> Bool = { $0 != 0 }
    ) throws(OperatorFault) -> String {
        // The shell's own file descriptors end with it; the program's status is in a file, since a pipe has only its last one's.
        let script = """
            TAKEN=$1; export TAKEN; LC_ALL=C.UTF-8; export LC_ALL; most=$2; shift 2
            { "$@" 2>&1; echo $? >"$TAKEN.status"; } | tail -c "$most" >"$TAKEN"
            """
        // The shell has a /proc/self of its own.
        let own = words[0] == ChildProcess.ourselves ? ["/proc/\(getpid())/exe"] + words.dropFirst() : words
        defer { for end in ["", ".status", ".all"] { unlink(file + end) } }
        let result = ChildProcess.run("/bin/sh", ["-c", script, "sh", file, "\(most)"] + own, limit: limit)
        let status = (try? File.read(file + ".status", atMost: 16)).flatMap { bytes in
            Int(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
        }
        let text = String(decoding: (try? File.read(file, atMost: most)) ?? [], as: UTF8.self)
        guard let status, result.succeeded else {
            throw OperatorFault(
                "\(words[0]): \(result.words)", hint: "see whether it works by itself: \(words.joined(separator: " "))")
        }
        guard !isFaultyWith(status) else {
            let line = text.split(separator: "\n").last.map { ": \(printable($0.utf8))" } ?? ""
            throw OperatorFault(
                "\(words[0]) ended with status \(status)\(line)", hint: "run this as root: sudo srup-beacon support")
        }
        return text
    }
}
