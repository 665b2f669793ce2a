import Testing

@testable import Daemon

@Suite("Versions are ordered as Debian orders them")
struct VersionNumberTests {
    @Test("each of these is older than the next one")
    func ordered() throws {
        let rising = [
            "0", "0.1.0~rc1", "0.1.0", "0.1.0-1", "0.1.0+b1", "0.1.1", "0.9", "0.10", "1", "1a", "1b", "1+", "2", "10",
            "99999999999999999999999999999998", "99999999999999999999999999999999",
        ]
        let versions = try rising.map { try #require(VersionNumber($0)) }
        for (place, version) in versions.enumerated() {
            for later in versions[(place + 1)...] {
                #expect(version < later && !(later < version) && version != later, "\(version) \(later)")
            }
        }
    }

    @Test("leading zeros of a number do not matter")
    func zeros() {
        #expect(VersionNumber("1.01") == VersionNumber("1.1") && VersionNumber("1.0") == VersionNumber("1.000"))
    }

    @Test(
        "text that is not a version is refused",
        arguments: ["", "v1", "1 2", "1/2", "1\n", "١", "-1", "1:2", String(repeating: "1", count: 65)])
    func bad(text: String) {
        #expect(VersionNumber(text) == nil)
    }
}
