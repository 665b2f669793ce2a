import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Bench
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
            try LocalLink.check(.local(path: path))
            try LocalLink.check(.rfcomm(.any, channel: 21))
        }
    }

    @Test("that does not come about: each new cause is told once, and the last one is known at the end")
    func causes() {
        let (address, path) = (NearbyAddress.local(path: "/run/link"), "/run/link")
        func unreachable(_ number: Int32) -> LinkPlan.Ended { .unreachable(.failed(call: "connect", errno: number)) }
        var causes = LinkCauses()
        let told = [ENOENT, ENOENT, ECONNREFUSED, ENOENT, ECONNREFUSED, EACCES].compactMap {
            causes.note(unreachable($0), at: address)
        }
        #expect(
            told == [
                "there is no socket at \(path)", "no beacon listens at \(path)", "this user may not connect to \(path)",
            ])
        #expect(causes.last?.message == told.last)
        #expect(causes.note(.closed, at: address) == nil && causes.last == nil, "there was a link")
        for number in [ENOENT, ECONNREFUSED, EACCES, EAGAIN, EIO] {
            let fault = LocalLink.fault(.failed(call: "connect", errno: number), at: path)
            #expect(OperatorTextRules.broken(by: fault) == [])
        }
    }
}

@Suite("A service that cannot listen")
struct ListeningFaultTests {
    @Test(
        "says why, and what to do about it",
        arguments: [
            (EACCES, "may not use a port below 1024", "CAP_NET_BIND_SERVICE"),
            (EADDRINUSE, "another program listens there", "ss -ltnp sport = :443"),
            (EADDRNOTAVAIL, "this machine does not have that address", "--bind"),
            (EMFILE, "may not open more files", "ulimit -n"), (EINVAL, "Invalid argument", "--port or --bind"),
        ])
    func causes(number: Int32, message: String, hint: String) {
        let fault = OperatorFault.cannotListen(
            on: "127.0.0.1", port: 443, number, words: "bind", option: "--port", addressOption: "--bind")
        #expect(fault.message.hasPrefix("cannot listen on 127.0.0.1 port 443: ") && fault.message.contains(message))
        #expect(fault.hint(for: .bench).contains(hint))
        #expect(OperatorTextRules.broken(by: fault) == [])
    }

    @Test("says what is known where the system gives no number")
    func words() {
        let fault = OperatorFault.cannotListen(on: "::1", port: 80, nil, words: "why", option: "--web")
        #expect(fault.message == "cannot listen on ::1 port 80: why")
        #expect(fault.hint(for: .bench) == "choose another --web")
    }
}
