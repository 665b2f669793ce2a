import Foundation
import Testing

@Suite("Checks of the sources")
struct OneDoorTests {
    /// Every Swift and C file under Sources by its path below it, without comments.
    private let files: [String: String]

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        var files: [String: String] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        where ["swift", "h", "c"].contains((path as NSString).pathExtension) {
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            files[path] = text.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.replacing(/(^|\s)\/\/.*$/, with: "") }.joined(separator: "\n")
        }
        self.files = files
    }

    private func files(where holds: (String) -> Bool) -> [String] { files.filter { holds($0.value) }.keys.sorted() }

    @Test("only one type in Sources checks signatures: PublicKeys")
    func oneKeyring() {
        // A declaration's head: the text between its keyword and its brace.
        let declaration = /\b(?:struct|class|enum|actor|protocol|extension)\s+([\w.]+)([^{}]*)\{/
        var checkers: [String] = []
        for (path, text) in files {
            for match in text.matches(of: declaration) {
                let head = match.2.replacing(/<[^<>]*>/, with: "").replacing(/\bwhere\b[\s\S]*/, with: "")
                if head.contains(/:[\s\S]*\bKeyring\b/) { checkers.append("\(path): \(match.1)") }
            }
        }
        #expect(checkers == ["Keys/PublicKey.swift: PublicKeys"])
    }

    @Test(
        "OpenSSL verifies a frame's signature in one file, and a registration's in another",
        arguments: ["EVP_DigestVerify", "EVP_PKEY_verify", "EVP_VerifyFinal", "RSA_verify"])
    func oneCall(name: String) {
        let allowed = name == "EVP_DigestVerify" ? ["Keys/PSS.swift", "Keys/PublicKey.swift"] : []
        #expect(files { $0.contains(name) } == allowed)
    }

    @Test("TLS keys are logged by the bench kit alone: nothing of the beacon's names a key log")
    func noKeyLog() {
        #expect(
            files { text in ["keyLog", "KeyLog", "key_log", "keylog"].contains { text.contains($0) } } == [
                "Bench/BenchNode.swift", "Bench/KeyLog.swift", "Broker/BrokerSession.swift",
                "Broker/BrokerSettings.swift", "Broker/TLSContext.swift", "CLibraries/COpenSSL/include/COpenSSL.h",
                "srup-bench/CommonOptions.swift",
            ])
    }

    @Test("only a frame makes a verified message, and only in its own file")
    func oneMaker() {
        #expect(files { $0.contains(/\bVerified(<Message>)?(\.init)?\(/) } == ["SRUP/Frame.swift"])
        #expect(files["SRUP/Frame.swift"]?.contains("fileprivate init(content:") == true)
        #expect(files { $0.contains(/extension\s+Verified\b[^{]*\{[^}]*\binit\b/) }.isEmpty)
    }
}
