import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("What the beacon's commands print on a terminal", .blocking)
struct TerminalOutputTests {
    /// Runs a command on a terminal of 24 rows and so many columns, and prints what it has written there.
    private static let player = """
        import fcntl, os, pty, select, struct, sys, termios
        columns, seconds = int(sys.argv[1]), float(sys.argv[2])
        child, terminal = pty.fork()
        if child == 0:
            os.execv(sys.argv[3], sys.argv[3:])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        seen = b""
        while select.select([terminal], [], [], seconds)[0]:
            try: piece = os.read(terminal, 65536)
            except OSError: break
            if not piece: break
            seen += piece
            if sys.argv[4] == "watch" and len(seen) > 400: os.kill(child, 2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        sys.stdout.write(seen.decode())
        """

    private func play(
        _ beacon: BeaconProcess, _ verb: [String], columns: Int = 80, environment: [String: String]
    ) throws -> String {
        let output = beacon.state + "-played"
        try? FileManager.default.removeItem(atPath: output)  // the child appends
        let child = try Child(
            "/usr/bin/python3",
            ["-c", TerminalOutputTests.player, "\(columns)", "20", beacon.program] + verb
                + ["--config", beacon.configuration], output: output, environment: environment)
        #expect(child.wait() == 0)
        return try String(contentsOfFile: output, encoding: .utf8)
    }

    @Test("has colours and is broken to its width; with NO_COLOR and through a pipe there is no colour")
    func colours() throws {
        let network = try Network()
        let server = try TestServer(network)
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        _ = try server.send(.action(Action.pause.rawValue), token: Token(random: randomBytes(16), for: Node.beacon))
        try eventually("it is paused") { try beacon.command("status").text.contains("paused") }
        let terminal = ["TERM": "xterm-256color", "NO_COLOR": ""]
        let plain = ["TERM": "xterm-256color", "NO_COLOR": "1"]
        let paused = "paused by \(Node.c2); it must order resume"
        for verb in [["status"], ["doctor", "--no-visit"]] {
            let coloured = try play(beacon, verb, columns: 70, environment: terminal)
            #expect(coloured.contains("\u{1B}["), "\(coloured)")
            let lines = coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "").split(whereSeparator: \.isNewline)
            // A path has no place to break.
            #expect(
                lines.allSatisfy { $0.count <= 71 || $0.split(separator: " ").contains { $0.count > 40 } }, "\(lines)")
            #expect(try !play(beacon, verb, environment: plain).contains("\u{1B}"), "\(verb)")
            #expect(
                try !Network.output(beacon.program, verb + ["--config", beacon.configuration]).text.contains("\u{1B}"),
                "\(verb)")
        }
        #expect(try play(beacon, ["status"], environment: terminal).contains("\u{1B}[1;31mNOT OBSERVING:\u{1B}[0m"))
        #expect(try beacon.command("status").text.hasPrefix("NOT OBSERVING: \(paused)\n"))
        let watched = try play(beacon, ["watch"], environment: terminal)
        #expect(watched.contains("\u{1B}[7m NOT OBSERVING: \(paused)"), "\(watched)")
        let unwatched = try play(beacon, ["watch"], environment: plain)
        #expect(unwatched.contains(" NOT OBSERVING: \(paused)") && !unwatched.contains("\u{1B}[7m"), "\(unwatched)")
        #expect(beacon.stop() == 0)
    }
}
