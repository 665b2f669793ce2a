import Testing

@testable import Beacon

@Suite("What the doctor makes of")
struct DoctorChecksTests {
    @Test(
        "a kernel's version",
        arguments: [
            ("6.12.57+deb13-amd64", Finding.Verdict.good), ("6.12", .good), ("7.0.1", .good),
            ("6.1.0-38-amd64", .warning),
            ("6.6.51", .warning), ("5.10.0", .warning), ("unknown", .warning), ("", .warning),
        ])
    func kernel(release: String, verdict: Finding.Verdict) {
        let finding = Doctor.kernel(release)
        #expect(finding.verdict == verdict)
        #expect((finding.hint == nil) == (verdict == .good))
    }

    @Test("a certificate's time")
    func validity() {
        let (now, day) = (wallSeconds(), Int64(86_400))
        func verdict(_ from: Int64?, _ until: Int64?) -> Finding.Verdict {
            Doctor.validity("c", "f", from, until).verdict
        }
        #expect(verdict(now - day, now + 30 * day) == .good)
        #expect(verdict(now - day, now + 6 * day) == .warning)
        #expect(verdict(now - 2 * day, now - day) == .bad)
        #expect(verdict(now + day, now + 30 * day) == .bad)
        #expect(verdict(nil, nil) == .bad)
    }

    @Test("anything is one line, and another where there is something to do")
    func text() {
        #expect(Finding("disk", .good, "/a", "room").text == "good     disk            /a: room")
        let lines = Finding("disk", .bad, "/a", "none", do: "make some").text.split(separator: "\n")
        #expect(lines == ["BAD      disk            /a: none", "                         do: make some"])
    }
}
