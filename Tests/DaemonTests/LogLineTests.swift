import BootTime
import Foundation
import Glibc
import Logging
import Observing
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A log line")
struct LogLineTests {
    private let line = LogLine(
        level: .warning, text: "a \"sentence\"; hint: é",
        fields: ["event": "false-proof", "token": "t-1", "device": "00"])

    @Test("as text has the wall clock, the boot clock, the level and the sentence, and no fields")
    func plain() throws {
        let pattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[\d+\.\d{6}\] warning a "sentence"; hint: é/
        #expect(line.plain.wholeMatch(of: pattern) != nil, "\(line.plain)")
    }

    @Test("has the beacon's name and site, for a collector of many beacons' logs")
    func place() throws {
        var place = BeaconPlace()
        (place.name, place.site) = ("North gate", "Hafen \"Süd\"")
        let line = LogLine(level: .info, text: "ready", fields: ["event": "e"], place: place.logFields)
        let object = try JSONSerialization.jsonObject(with: Data(line.json.utf8)) as? [String: String]
        #expect(object?["beacon_name"] == "North gate" && object?["beacon_site"] == "Hafen \"Süd\"")
        let entry = line.journalEntry.split(separator: "\n")
        #expect(entry.contains("SRUP_BEACON_NAME=North gate") && entry.contains("SRUP_BEACON_SITE=Hafen \"Süd\""))
        #expect(BeaconPlace().logFields.isEmpty)
    }

    @Test("as JSON is one object of strings in one line, and no field overwrites another")
    func json() throws {
        let hostile = LogLine(
            level: .info, text: "ours", fields: ["message": "theirs", "level": "x", "peer": "a\nb\u{1}"])
        for (line, wanted) in [
            (line, ["message": line.text, "level": "warning", "event": "false-proof", "token": "t-1", "device": "00"]),
            (hostile, ["message": "ours", "level": "info", "peer": "a\nb\u{1}"]),
        ] {
            #expect(!line.json.contains("\n"))
            let object = try JSONSerialization.jsonObject(with: Data(line.json.utf8)) as? [String: String]
            var read = try #require(object)
            #expect(read.removeValue(forKey: "time")?.hasSuffix("Z") == true)
            #expect(read.removeValue(forKey: "boot").flatMap(Double.init) != nil)
            #expect(read == wanted)
        }
    }

    @Test("for journald is one datagram of fields, with the priority that the level has there")
    func journal() {
        let rows = line.journalEntry.split(separator: "\n")
        #expect(rows.contains("MESSAGE=a \"sentence\"; hint: é") && rows.contains("PRIORITY=4"))
        #expect(rows.contains("SYSLOG_IDENTIFIER=srup-beacon"))
        #expect(rows.suffix(3) == ["SRUP_DEVICE=00", "SRUP_EVENT=false-proof", "SRUP_TOKEN=t-1"])
        let priorities: [(Logger.Level, Int)] = [
            (.critical, 2), (.error, 3), (.warning, 4), (.notice, 5), (.info, 6), (.debug, 7), (.trace, 7),
        ]
        for (level, number) in priorities {
            #expect(LogLine(level: level, text: "", fields: [:]).journalEntry.contains("\nPRIORITY=\(number)\n"))
        }
    }

    @Test("is received if there is a listener, and dropped if there is none or the datagram is too long")
    func journalSocket() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("journal")
            #expect(!JournalSocket(path: path).takes("MESSAGE=x\n"))
            let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(bound == 0)
            #expect(JournalSocket(path: path).takes(line.journalEntry))
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = recv(listener, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            #expect(count > 0 && String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == line.journalEntry)
            #expect(!JournalSocket(path: path).takes(String(repeating: "x", count: 10 << 20)))
        }
    }

    private func moment(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test("that strangers cause is written at most twenty times a second and kind; the next one counts those left out")
    func rateLimit() {
        var limiter = LogRateLimiter()
        func take(_ kind: String, _ second: Int64, _ times: Int) -> [Int?] {
            (0..<times).map { _ in limiter.take(kind, at: moment(second)) }
        }
        #expect(take("ready", 5, 25) == Array(repeating: 0, count: 20) + Array(repeating: nil, count: 5))
        #expect(take("ended", 5, 1) == [0], "another kind is not suppressed")
        #expect(take("ready", 6, 2) == [5, 0])
    }

    @Test("lines that were left out are counted once in a summary if no further line of the kind follows")
    func leftOut() {
        var limiter = LogRateLimiter()
        for _ in 0..<30 { _ = limiter.take("opened", at: moment(5)) }
        for _ in 0..<22 { _ = limiter.take("answered", at: moment(6)) }
        let wishes = (0..<3).map { _ in limiter.wantsToSumUp() }
        #expect(wishes == [true, false, false], "one alarm is set")
        let early = limiter.sumUp(at: moment(6) + .nanoseconds(1))
        #expect(early.sums.map(\.kind) == ["opened"] && early.sums.map(\.count) == [10] && early.isUnderWay)
        let again = limiter.wantsToSumUp()
        #expect(again)
        let late = limiter.sumUp(at: moment(7))
        #expect(late.sums.map(\.kind) == ["answered"] && late.sums.map(\.count) == [2] && !late.isUnderWay)
        let left = limiter.take("opened", at: moment(8))
        #expect(left == 0, "it has been reported")
    }

    @Test("has fields only for what is known")
    func fields() {
        let exchange = Sample.exchange
        #expect(Logger.Metadata.of("ready") == ["event": "ready"])
        #expect(
            Logger.Metadata.of("challenged", exchange, device: device, link: LinkID(7), ["grade": "timed"]) == [
                "event": "challenged", "token": "\(exchange.token)", "server": "\(server)", "device": "\(device)",
                "link": "7", "grade": "timed",
            ])
    }
}
