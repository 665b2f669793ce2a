import Foundation
import Glibc
import SystemSupport
import TestVectors
import Testing

/// What the unit's restart settings do, with systemd itself: a user's manager in a mount namespace of its own.
@Suite("The systemd unit's restarts", .blocking, .enabled(if: UserManager.isThere))
struct UnitRestartTests {
    /// The lines of the package's unit that decide about restarts.
    private func settings() throws -> (unit: [Substring], service: [Substring]) {
        let text = try String(
            contentsOfFile: Network.project + "/Scripts/Package/debian/srup-beacon.service", encoding: .utf8)
        let lines = text.split(separator: "\n")
        return (
            lines.filter { $0.hasPrefix("StartLimit") },
            lines.filter { $0.hasPrefix("Restart") && !$0.hasPrefix("RestartSec") && !$0.hasPrefix("RestartSteps") }
        )
    }

    /// The line that docs/operations.md gives, with another updater.
    private func documented(_ updater: String) throws -> String {
        let page = try String(contentsOfFile: Network.project + "/docs/operations.md", encoding: .utf8)
        let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("    ExecStopPost=") })
        return String(line.dropFirst(4)).replacing("/etc/srup-beacon/updater", with: updater)
    }

    @Test(
        "a fault restarts it without end, never starts OnFailure=, and each time calls what the page says; after 78 or success it is not restarted",
        arguments: [(Int32(1), true), (78, false), (0, false)])
    func fault(status: Int32, isRestarted: Bool) throws {
        let (unit, service) = try settings()
        #expect(unit == ["StartLimitIntervalSec=0"] && service.contains("Restart=on-failure"))
        try UserManager.with { folder in
            let log = folder.path("log")
            let updater = try folder.write(
                Data("#!/bin/sh\necho updater \"$@\" >>\(log)\n".utf8), to: "updater", mode: 0o755)
            let lines =
                ["[Unit]", "OnFailure=alert.service"] + unit.map(String.init) + [
                    "[Service]", "ExecStart=/bin/sh -c 'echo started >>\(log); exit \(status)'", "RestartSec=50ms",
                    try documented(updater),
                ] + service.map(String.init)
            let said = try UserManager.run(
                ["beacon": lines, "alert": ["[Service]", "ExecStart=/bin/sh -c 'echo alert >>\(log)'"]],
                starting: "beacon", in: folder)
            let logged = (try? String(contentsOfFile: log, encoding: .utf8))?.split(separator: "\n") ?? []
            func count(_ line: Substring) -> Int { logged.count { $0 == line } }
            #expect(isRestarted ? count("started") > 5 : count("started") == 1, "\(logged) \(said)")
            #expect((count("alert") == 1) == (status == 78), "\(logged)")
            // The last start may be the one that the test's end has stopped.
            let calls = count("updater restore")
            #expect(status == 0 ? calls == 0 : (count("started") - 1...count("started")).contains(calls), "\(logged)")
        }
    }
}

/// A user's manager of systemd, for a moment. It needs root, for a mount namespace in which the machine seems to run systemd.
private enum UserManager {
    private static let script = """
        mount -t tmpfs t /run && mkdir -p /run/systemd/system && mount -t tmpfs t /sys/fs/cgroup || exit 1
        if mkdir /sys/fs/cgroup/systemd && mount -t cgroup -o none,name=systemd c /sys/fs/cgroup/systemd; then
            mkdir -p /sys/fs/cgroup/systemd/of/a-test && echo $$ >/sys/fs/cgroup/systemd/of/a-test/cgroup.procs
        else
            mount -t cgroup2 c /sys/fs/cgroup
        fi
        exec timeout 4 /lib/systemd/systemd --user --log-target=console
        """

    static let isThere: Bool = {
        guard geteuid() == 0, access("/lib/systemd/systemd", X_OK) == 0 else { return false }
        return
            (try? with { folder in
                let unit = ["[Service]", "ExecStart=/bin/touch \(folder.path("there"))"]
                _ = try run(["probe": unit], starting: "probe", in: folder)
                guard FileManager.default.fileExists(atPath: folder.path("there")) else {
                    throw NotInTime(what: "a user's manager")
                }
            }) != nil
    }()

    static func with(_ body: (TemporaryFolder) throws -> Void) throws { try TemporaryFolder.with(body) }

    /// Runs a manager with these services for four seconds.
    /// - Returns: what it says.
    static func run(
        _ services: [String: [String]], starting name: String, in folder: TemporaryFolder
    ) throws -> String {
        let units = folder.path("configuration/systemd/user")
        try FileManager.default.createDirectory(atPath: units, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: folder.path("run"), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for (service, lines) in services {
            try lines.joined(separator: "\n").write(
                toFile: "\(units)/\(service).service", atomically: true, encoding: .utf8)
        }
        try "[Unit]\nWants=\(name).service\n".write(
            toFile: units + "/default.target", atomically: true, encoding: .utf8)
        let output = folder.path("output")
        let child = try Child(
            "/usr/bin/timeout",
            [
                "20", "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "/bin/bash",
                "-c", script,
            ], output: output,
            environment: ["XDG_RUNTIME_DIR": folder.path("run"), "XDG_CONFIG_HOME": folder.path("configuration")])
        _ = child.wait()
        return (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    }
}
