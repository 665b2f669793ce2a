import Registration
import Testing

@testable import Operating

@Suite("What is taken out of an archive's texts")
struct SupportScrubbingTests {
    @Test(
        "is what may be a secret, and nothing else",
        arguments: [
            ("a\n-----BEGIN PRIVATE KEY-----\nMIIE\nxyz=\n-----END PRIVATE KEY-----\nb", "a\n(left out)\nb"),
            ("key MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7 end", "key (left out) end"),
            ("pkcs11:token=gate;pin-value=1234&x", "pkcs11:token=(left out);pin-value=(left out)&x"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer (left out)"),
            ("\"password=hunter2\" next", "\"password=(left out)\" next"),
            (
                "{\"message\":\"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7==\"}",
                "{\"message\":\"(left out)\"}"
            ),
            ("k=MIIEvQIBADANBgkqhkiG9w0B\\/QEFAASCBKcwggSjAgEA", "k=(left out)"),
            ("/IIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggS/AgEAAoIBAQC7", "(left out)"),
            ("xyz\nTail1=\n-----END PRIVATE KEY-----\nb", "(left out)\nb"),
            ("{\"m\":\"-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\"}\nb", "(left out)\nb"),
        ])
    func out(text: String, left: String) { #expect(SupportScrubbing.withoutSecrets(text) == left) }

    @Test(
        "is not a digest, a path, the id of an exchange, or prose",
        arguments: [
            "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 of the file",
            "read: /var/lib/srup-beacon/Keys1/aVeryLongPathThatHasLettersOfBothCasesAndDigits0123",
            "event=opened token=f72180f5-f030-4950-a0ba-f8539666b23b device=00",
            "observation of de01000000000001 opened for c200000000000001, token f72180f5-f030-4950-a0ba-f8539666b23b",
            "2026-12-01T00:00:00.000Z [12.000000] notice ready",
        ])
    func stays(text: String) { #expect(SupportScrubbing.withoutSecrets(text) == text) }

    @Test("is a token of the registration service, wherever it stands", arguments: RegistryRole.allCases)
    func tokens(role: RegistryRole) {
        let token = "\(role.rawValue)-0123456789abcdef0123456789abcdef01234567"
        for text in ["token=%", "?token=%&x", "{\"t\":\"%\"}", "enrolling with % at", "https://h/%/x", "(%)"] {
            let scrubbed = SupportScrubbing.withoutSecrets(text.replacing("%", with: token))
            #expect(!scrubbed.contains("01234567") && scrubbed.contains("(left out)"), "\(scrubbed)")
        }
    }

    @Test("is no more than a block's length after a beginning without an end")
    func unended() {
        let lines = (0..<300).map { "line \($0)" }.joined(separator: "\n")
        let scrubbed = SupportScrubbing.withoutSecrets(
            "-----BEGIN PRIVATE KEY-----\n" + lines + "\n-----END X-----\nend")
        #expect(scrubbed.hasPrefix("(left out)\nline 199\n") && scrubbed.hasSuffix("line 299\n(left out)\nend"))
    }

    @Test("is not cut in two: the end of a text begins with a line")
    func cut() {
        #expect(SupportScrubbing.end(of: "token=abcdef\nb\nc", most: 8) == "b\nc")
        #expect(SupportScrubbing.end(of: "b\nc", most: 3) == "b\nc")
        #expect(SupportScrubbing.end(of: "token=abcdef", most: 3) == "def")
    }
}
