import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Nearby

@Suite("The link of a device to a beacon on the same machine", .blocking)
struct LocalLinkTests {
    private func fault(_ path: String) throws -> OperatorFault {
        try #require(throws: OperatorFault.self) { try LocalLink.check(.local(path: path)) }
    }

    @Test("with a path where no beacon's socket is, is refused before anything is asked, with the cause and what to do")
    func refused() throws {
        try TemporaryFolder.with { files in
            let file = try files.write(Data(), to: "file")
            let long = files.path(String(repeating: "x", count: 108))
            for (path, message) in [
                (files.path("nothing"), "there is no socket at \(files.path("nothing"))"),
                (file + "/link", "there is no socket at \(file)/link"), (file, "\(file) is not a socket"),
                (long, "\(long) is longer than 107 bytes"),
            ] {
                let fault = try fault(path)
                #expect(fault.message == message)
                #expect(OperatorTextRules.broken(by: fault) == [])
            }
            #expect(try fault(files.path("nothing")).hint(for: .bench).contains("[link] local"))
        }
    }

    @Test("with a socket is not refused, also if nobody listens there yet; and a radio is not looked at")
    func accepted() throws {
        try TemporaryFolder.with { files in
            let path = files.path("link")
            close(try LinkSocket.listen(on: .local(path: path)))
            #expect(throws: Never.self) { try LocalLink.check(.local(path: path)) }
            #expect(throws: Never.self) { try LocalLink.check(.rfcomm(.any, channel: 21)) }
            try FileManager.default.removeItem(atPath: path)
            #expect(throws: OperatorFault.self, "it was the socket") { try LocalLink.check(.local(path: path)) }
        }
    }

    @Test("that does not come about: each new cause is told once, and the last one is known at the end")
    func causes() {
        let (address, path) = (NearbyAddress.local(path: "/run/link"), "/run/link")
        func unreachable(_ number: Int32) -> LinkPlan.Ended { .unreachable(.failed(call: "connect", errno: number)) }
        var missing = MissingLinks()
        let told = [ENOENT, ENOENT, ECONNREFUSED, ENOENT, ECONNREFUSED, EACCES].compactMap {
            missing.note(unreachable($0), at: address)
        }
        #expect(
            told
                == [
                    "there is no socket at \(path)", "no beacon listens at \(path)",
                    "this user may not connect to \(path)",
                ].map { "no link to \(address): \($0)" })
        #expect(missing.faults.map(\.message) == [told.last])
        #expect(
            missing.note(.outcome(.valid, proved: true), at: address) == nil && missing.faults.isEmpty,
            "there was a link")
        for number in [ENOENT, ECONNREFUSED, EACCES, EAGAIN, EIO] {
            let fault = LocalLink.fault(.failed(call: "connect", errno: number), at: path)
            #expect(OperatorTextRules.broken(by: fault) == [])
        }
    }
}
