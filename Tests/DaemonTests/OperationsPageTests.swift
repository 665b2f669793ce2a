import Foundation
import Glibc
import Observing
import ProofLink
import TestVectors
import Testing

@testable import Daemon
@testable import Nearby

@Suite("The page on operations", .blocking)
struct OperationsPageTests {
    private let page: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        page = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
    }

    /// The first cells of the table after a heading.
    private func rows(after heading: String) throws -> [String] {
        let start = try #require(page.firstRange(of: heading + "\n")).upperBound
        let lines = page[start...].split(separator: "\n").drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
        return lines.dropFirst(2).map { $0.split(separator: "|")[0].trimmingCharacters(in: .whitespaces) }
    }

    @Test("has every reason for which something is refused, once, and no other")
    func refusals() throws {
        let rows = try rows(after: "### What is refused")
        let named = rows.flatMap { $0.matches(of: /`([^`]*)`/).map { String($0.output.1) } }
        #expect(named.sorted() == RefusedReason.all.map(\.name).sorted())
        #expect(Set(named).count == named.count)
    }

    @Test("has every event of the log that it can be filtered by about links and proofs")
    func events() throws {
        let row = try #require(page.split(separator: "\n").first { $0.hasPrefix("| `event` |") })
        let peer = Peer(transport: .local, address: "a")
        let reports: [Report] = [
            .opened(Sample.exchange, device: device), .mismatch(Sample.exchange, device: device, peer, count: 1),
            .tooFar(Sample.exchange, device: device, peer, []), .lost(LinkID(1), peer, device: nil, .byDevice),
            .ended(LinkID(1), peer, device: nil, .busy), .ready(LinkID(1), peer, device: device),
        ]
        for report in reports {
            let event = report.line.fields["event"].map { "\($0)" } ?? ""
            #expect(row.contains("`\(event)`"), "\(event)")
        }
    }

    @Test("has the words of each fault that keeps a transport from being listened on")
    func bindFaults() throws {
        try TemporaryFolder.with { folder in
            let rows = try rows(after: "### Transports that are not listened on").joined(separator: "\n")
            func fault(_ path: String) throws -> LinkSocketError {
                let error = #expect(throws: LinkSocketError.self) {
                    close(try LinkSocket.listen(on: .local(path: path)))
                }
                return try #require(error)
            }
            let file = try folder.write(Data(), to: "file")
            let taken = folder.path("taken")
            let listening = try LinkSocket.listen(on: .local(path: taken))
            defer { close(listening) }
            // Those that can be had here, and the words of the C library for those that need a radio, another user or another disk.
            var faults = [
                try fault(file), try fault(taken), try fault(folder.path("no/socket")),
                try fault("/" + String(repeating: "x", count: 120)), .noBluetooth,
            ]
            faults += [("bind", EACCES), ("bind", EROFS), ("socket", EMFILE), ("socket", ENFILE)].map {
                .failed(call: $0.0, errno: $0.1)
            }
            #expect(
                faults[1] == .failed(call: "bind", errno: EADDRINUSE)
                    && faults[2] == .failed(call: "bind", errno: ENOENT))
            for fault in faults {
                let words = fault.message.replacing(file, with: "P").replacing(/\/x{120}/, with: "P")
                #expect(rows.contains(words), "\(words)")
            }
        }
    }
}
