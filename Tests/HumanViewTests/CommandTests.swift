import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("srup-bench view", .blocking)
struct CommandTests {
    private static let value = "c4bf8105835141e0886fd25f9a69c5ad"

    private func view(_ arguments: String..., input: String = "/dev/null") throws -> (status: Int32, text: String) {
        try withFolder { folder in
            let file = folder.appending(path: "out").path
            let status = try Child(Network.products + "/srup-bench", ["view"] + arguments, input: input, output: file)
                .wait()
            return (status, (try? String(contentsOfFile: file, encoding: .utf8)) ?? "")
        }
    }

    @Test("shows a value given as digits, with hyphens, or on standard input, in either case")
    func given() throws {
        try withFolder { folder in
            let input = folder.appending(path: "value").path
            try Data("\(CommandTests.value)\n".utf8).write(to: URL(filePath: input))
            for reply in [
                try view(CommandTests.value, "--as", "words"), try view("-", "--as", "words", input: input),
                try view("C4BF8105-8351-41E0-886F-D25F9A69C5AD", "--as", "words"),
            ] {
                #expect(reply.status == 0)
                #expect(try reply.text == picture(.words).terminal(.plain))
            }
        }
    }

    @Test("writes an SVG or PNG file for its owner only")
    func files() throws {
        try withFolder { folder in
            for (form, start) in [("svg", Array("<svg ".utf8)), ("png", [0x89, 0x50, 0x4E, 0x47])] {
                let file = folder.appending(path: "a.\(form)").path
                let reply = try view(CommandTests.value, "--as", "colours", "--form", form, "--output", file)
                #expect(reply.status == 0 && reply.text == "")
                #expect(try Data(contentsOf: URL(filePath: file)).starts(with: start))
                let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                #expect(mode == 0o600)
            }
        }
    }

    @Test("refuses an invalid value with one sentence and a hint, without repeating it")
    func refused() throws {
        for wrong in ["", "c4", CommandTests.value + "00", "C4BF81058351-41E0-886F-D25F9A69-C5AD", "not-a-value"] {
            let reply = try view(wrong, "--as", "words")
            #expect(reply.status == 64)
            let hint = "give 32 digits, or 8-4-4-4-12 of them with hyphens, or - for standard input"
            #expect(
                reply.text == """
                    srup-bench: the value is not 128 bits in hexadecimal digits; \(hint)
                    hint: run: srup-bench view --help

                    """)
        }
    }

    @Test("reports a file that cannot be written")
    func notWritable() throws {
        let reply = try view(CommandTests.value, "--as", "words", "--output", "/nowhere/file")
        #expect(reply.status == 1)
        #expect(
            reply.text.contains("/nowhere/file cannot be written: No such file or directory")
                && reply.text.contains("hint:"))
    }
}
