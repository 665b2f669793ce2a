import Foundation
import Glibc
import SystemSupport
import TestVectors
import Testing

@Suite("Standard input, where - stands for a file", .blocking)
struct StandardInputTests {
    /// Runs a verb whose standard input is a socket: it can be read, and no path leads to it, as where another user has opened the file.
    private func run(_ arguments: [String], input: String) throws -> (status: Int32, text: String) {
        try withFolder { folder in
            var pair: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
            defer { close(pair[0]) }
            for end in pair { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            #expect(open("/proc/self/fd/\(pair[0])", O_RDONLY) < 0)
            #expect(write(pair[1], input, input.utf8.count) == input.utf8.count)
            close(pair[1])
            let output = folder.appending(path: "out")
            _ = FileManager.default.createFile(atPath: output.path, contents: nil)
            let process = Process()
            process.executableURL = URL(filePath: Network.products + "/srup-bench")
            process.arguments = arguments
            process.standardInput = FileHandle(fileDescriptor: pair[0], closeOnDealloc: false)
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = process.standardOutput
            try process.run()
            process.waitUntilExit()
            return (process.terminationStatus, try String(contentsOf: output, encoding: .utf8))
        }
    }

    @Test("is descriptor 0, which need not have a path that can be opened: a value, a message, a token")
    func descriptor() throws {
        let value = try run(["view", "-", "--as", "words"], input: "c4bf8105835141e0886fd25f9a69c5ad\n")
        #expect(value.status == 0 && !value.text.isEmpty, "\(value.text)")
        let message = try run(["decode", "-"], input: "05")
        #expect(!message.text.contains("cannot be read"), "\(message.text)")
        // The token is read before the service is asked, and nothing listens there.
        for (input, words) in [("open-sesame\n", "127.0.0.1"), ("two words\n", "the token is not one line")] {
            let arguments = ["enrol", "https://127.0.0.1:1", "--folder", "/nowhere/d1", "--token", "-"]
            let token = try run(arguments, input: input)
            #expect(token.status == 1 && token.text.contains(words), "\(token.text)")
            #expect(!token.text.contains("cannot be read"), "\(token.text)")
        }
    }
}
