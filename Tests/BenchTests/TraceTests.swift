import Bench
import Foundation
import OperatorText
import Testing
import TestVectors

@Suite("The trace")
struct TraceTests {
    private let line = TraceLine(
        atMicroseconds: 12, from: .c2, to: .beacon, via: .mqtt, name: "OBSERVE_REQ", sequence: "3", bytes: 656,
        token: "T3", detail: "joining de01000000000001", frameHex: "05")

    @Test("A line has the names that scripts read, and no empty fields")
    func names() throws {
        let object = try #require(JSONSerialization.jsonObject(with: Data(line.json.utf8)) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "at_us", "bytes", "detail", "frame_hex", "from", "name", "sequence", "to", "token", "via",
            ])
        #expect(object["sequence"] as? String == "3" && object["from"] as? String == "c2")
        #expect(!line.json.contains("\n"))
    }

    @Test("Lines are appended, and read back the same")
    func file() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("trace.jsonl")
            try TraceFile(path).append(line)
            try TraceFile(path).append(line)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let read = try TraceLine.read(text, from: path)
            #expect(read.count == 2 && Set(read.map(\.boot)).count == 1 && read[0].boot?.count == 8)
            for var one in read {
                let wall = try #require(one.wallMicroseconds)
                #expect(
                    abs(wall - one.atMicroseconds - (Int64(Date().timeIntervalSince1970 * 1e6) - TraceFile.now))
                        < 1_000_000)
                (one.boot, one.wallMicroseconds) = (nil, nil)
                #expect(one == line)
            }
        }
    }

    @Test("A line that is not part of a trace is reported with its number")
    func fault() {
        #expect(throws: OperatorFault.self) { try TraceLine.read("\(line.json)\n{}\n", from: "x") }
        let fault = #expect(throws: OperatorFault.self) { try TraceLine.read("\(line.json)\n\n{}\n", from: "x") }
        #expect(fault?.message.contains("line 3 of x") == true)
    }
}
