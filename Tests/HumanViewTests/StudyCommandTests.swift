import Foundation
import Glibc
import SystemSupport
import TestVectors
import Testing

@Suite("srup-bench study", .blocking)
struct StudyCommandTests {
    private let header = "number,view,differing_bits,answer,right,milliseconds,style,seed"

    private func rows(_ path: String) throws -> [[String]] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.first == header)
        return lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    }

    private func study(_ folder: URL, input: String, _ options: String...) throws -> (
        status: Int32, text: String, file: String
    ) {
        let (file, typed, output) = ("answers.csv", "typed-\(UUID().uuidString)", "out-\(UUID().uuidString)")
        let path = { (name: String) in folder.appending(path: name).path }
        try Data(input.utf8).write(to: URL(filePath: path(typed)))
        let status = try Child(
            Network.products + "/srup-bench", ["study", "--output", path(file)] + options, input: path(typed),
            output: path(output)
        ).wait(within: 30)
        return (status, try String(contentsOfFile: path(output), encoding: .utf8), path(file))
    }

    @Test("writes a row for each answer, for its owner only, and ends with error rates and times")
    func answers() throws {
        try withFolder { folder in
            let typed = "\n" + String(repeating: "s\n", count: 4) + String(repeating: "d\n", count: 4)
            let run = try study(folder, input: typed, "--views", "words", "--bits", "3", "--pairs", "8", "--seed", "7")
            #expect(run.status == 0, "\(run.text)")
            let rows = try rows(run.file)
            #expect(rows.map { $0[0] } == (1...8).map(String.init))
            #expect(rows.map { $0[3] } == Array(repeating: "same", count: 4) + Array(repeating: "different", count: 4))
            for row in rows {
                #expect(row[4] == ((row[2] == "0") == (row[3] == "same") ? "yes" : "no"))
                #expect(["0", "3"].contains(row[2]) && row[1] == "words" && row[6] == "plain" && row[7] == "7")
            }
            let mode = try FileManager.default.attributesOfItem(atPath: run.file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(run.text.contains("pair 8 of 8: words, view 1 of 4\n"))
            #expect(run.text.contains("study: 8 of 8 pairs answered, seed 7, plain: \(run.file)\n"))
            #expect(run.text.contains("\nwords  0 (equal) ") && run.text.contains("\nwords  3 "))
        }
    }

    @Test("what is no answer is asked again, and the end of input or q ends it with what was answered")
    func ends() throws {
        for last in ["", "q\n", "Q\ns\ns\n"] {
            try withFolder { folder in
                let long = [String(repeating: "x", count: 9_000), "s" + String(repeating: " ", count: 90), "s s"]
                let run = try study(folder, input: "\nyes\n\n\(long.joined(separator: "\n"))\ns\nd\n" + last)
                #expect(run.status == 0, "\(run.text)")
                #expect(try rows(run.file).map { $0[3] } == ["same", "different"])
                #expect(run.text.components(separatedBy: "type s or d, then Enter").count == 6)
                #expect(run.text.contains("study: 2 of 64 pairs answered"))
            }
        }
        try withFolder { folder in
            let run = try study(folder, input: "")
            #expect(run.status == 0 && run.text.contains("study: 0 of 64 pairs answered"))
            #expect(try rows(run.file).isEmpty)
        }
    }

    @Test("Ctrl-C ends it with what was answered so far")
    func interrupted() throws {
        try withFolder { folder in
            let file = folder.appending(path: "a.csv").path
            let talk = try Dialogue(Network.products + "/srup-bench", ["study", "--output", file])
            try talk.hear("Enter shows the first pair")
            talk.answer("")
            try talk.hear("pair 1 of 64")
            talk.answer("s")
            try talk.hear("pair 2 of 64")
            #expect(try rows(file).count == 1)
            #expect(talk.end(with: SIGINT) == 0)
            #expect(talk.said.contains("study: 1 of 64 pairs answered"))
        }
    }

    @Test("a pair without an answer in its time counts as none, and three in a row end it")
    func late() throws {
        try withFolder { folder in
            let file = folder.appending(path: "a.csv").path
            let talk = try Dialogue(Network.products + "/srup-bench", ["study", "--output", file, "--timeout", "1"])
            talk.answer("")
            #expect(talk.wait(within: 30) == 0)
            let rows = try rows(file)
            #expect(rows.map { $0[3] } == ["none", "none", "none"] && rows.allSatisfy { $0[4] == "" })
            #expect(rows.allSatisfy { (1_000..<2_000).contains(Int($0[5]) ?? 0) })
        }
    }

    @Test("overwrites nothing, follows no link, and reports where it cannot write")
    func refused() throws {
        try withFolder { folder in
            let path = folder.appending(path: "answers.csv").path
            try Data("mine".utf8).write(to: URL(filePath: path))
            let run = try study(folder, input: "\ns\n")
            #expect(
                run.status == 1
                    && run.text.hasPrefix("srup-bench: \(path) exists, and a study overwrites nothing\nhint:"))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
            let link = folder.appending(path: "link.csv").path
            try #require(symlink(folder.appending(path: "elsewhere").path, link) == 0)
            for place in [link, "/nowhere/a.csv"] {
                let reply = try Network.output(Network.products + "/srup-bench", ["study", "--output", place])
                #expect(reply.status == 1 && reply.text.contains("hint: give --output"), "\(reply.text)")
            }
        }
    }

    @Test(
        "on a terminal each pair has a screen of its own, what was typed before it is dropped, and all are gone at the end"
    )
    func terminal() throws {
        try withFolder { folder in
            let terminal = try PseudoTerminal()
            let file = folder.appending(path: "a.csv").path
            let child = try Child(
                Network.products + "/srup-bench",
                ["study", "--output", file, "--views", "colours", "--bits", "3", "--pairs", "2"],
                input: terminal.path, output: terminal.path, environment: ["TERM": "xterm-256color", "NO_COLOR": ""])
            defer { child.end(with: SIGKILL) }
            try terminal.hear("Enter shows the first pair")
            terminal.type("\nd\nd\n")  // the two answers come before their questions
            try terminal.hear("pair 1 of 2")
            usleep(300_000)
            #expect(try rows(file).isEmpty)
            terminal.type("s\n")
            try terminal.hear("pair 2 of 2")
            terminal.type("d\n")
            try terminal.hear("study: 2 of 2 pairs answered, seed ")
            #expect(child.wait(within: 20) == 0)
            #expect(terminal.said.contains("\u{1B}[?1049h") && terminal.said.contains("\u{1B}[H\u{1B}[2Jpair 2 of 2"))
            let (pairs, after) = (terminal.said.range(of: "pair 2 of 2"), terminal.said.range(of: "\u{1B}[?1049l"))
            #expect(try #require(pairs).lowerBound < #require(after).lowerBound)
            #expect(
                try rows(file).map { $0[3] } == ["same", "different"] && rows(file).allSatisfy { $0[6] == "colour" })
        }
    }
}
