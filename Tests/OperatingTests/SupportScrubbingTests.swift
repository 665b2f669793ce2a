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
}
