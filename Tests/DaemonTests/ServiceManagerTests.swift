import Foundation
import TestVectors
import Testing

@testable import Daemon

@Suite("Notifications to systemd")
struct ServiceManagerTests {
    /// A datagram socket of the test's own, at a path or under an abstract name (`@…`).
    final class Listener {
        private let descriptor: Int32
        let name: String

        init(_ name: String) throws {
            self.name = name
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) {
                $0.copyBytes(from: name.utf8)
                if name.hasPrefix("@") { $0[0] = 0 }
            }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            try #require(bound == 0)
        }

        deinit { close(descriptor) }

        /// The next datagram, and the descriptor that came with it.
        func nextWithDescriptor() -> (text: String, descriptor: Int32?)? {
            var (bytes, control) = ([UInt8](repeating: 0, count: 4_096), [UInt64](repeating: 0, count: 8))
            return bytes.withUnsafeMutableBytes { bytes in
                control.withUnsafeMutableBytes { control in
                    var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                    return withUnsafeMutablePointer(to: &part) { part -> (String, Int32?)? in
                        var message = msghdr()
                        (message.msg_iov, message.msg_iovlen) = (part, 1)
                        (message.msg_control, message.msg_controllen) = (control.baseAddress, control.count)
                        let count = recvmsg(descriptor, &message, 0)
                        guard count >= 0 else { return nil }
                        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
                        // struct cmsghdr: length, level, type; then the descriptor.
                        return (
                            text, message.msg_controllen == 0 ? nil : control.load(fromByteOffset: 16, as: Int32.self)
                        )
                    }
                }
            }
        }

        /// The next datagram; nil if there is none.
        func next() -> String? {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    private func manager(_ variables: [String: String]) -> ServiceManager { ServiceManager { variables[$0] } }

    @Test("arrives as one datagram each, at a path or an abstract name", arguments: [false, true])
    func datagrams(abstract: Bool) throws {
        try TemporaryFolder.with { folder in
            let listener = try Listener((abstract ? "@" : "") + folder.path("notify"))
            let service = manager(["NOTIFY_SOCKET": listener.name])
            service.ready()
            service.status("joined to 1 of 1 servers")
            service.alive()
            service.stopping()
            service.reloading()
            let told = (0..<4).map { _ in listener.next() }
            #expect(told == ["READY=1", "STATUS=joined to 1 of 1 servers", "WATCHDOG=1", "STOPPING=1"])
            let reloading = try #require(listener.next())
            #expect(reloading.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil)
            #expect(listener.next() == nil)
        }
    }

    @Test("is dropped if there is no listener, if the listener has gone, or if it does not read")
    func nobody() throws {
        manager([:]).ready()
        try TemporaryFolder.with { folder in
            manager(["NOTIFY_SOCKET": folder.path("nobody")]).ready()
            manager(["NOTIFY_SOCKET": "@" + folder.path("nobody")]).ready()
            let listener = try Listener(folder.path("notify"))
            let service = manager(["NOTIFY_SOCKET": listener.name])
            for _ in 0..<10_000 { service.alive() }  // does not wait
            #expect(listener.next() == "WATCHDOG=1")
        }
    }

    @Test("the watchdog is used only if it is meant for this process")
    func watchdog() {
        let own = String(getpid())
        #expect(manager([:]).watchdog == nil)
        #expect(manager(["WATCHDOG_USEC": "3000000"]).watchdog == .seconds(3))
        #expect(manager(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": own]).watchdog == .seconds(3))
        #expect(manager(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"]).watchdog == nil)
        #expect(manager(["WATCHDOG_USEC": "soon"]).watchdog == nil)
    }

    @Test("a socket is stored there under its name, and replaces an earlier one")
    func keeps() throws {
        try TemporaryFolder.with { folder in
            let listener = try Listener(folder.path("notify"))
            #expect(manager(["NOTIFY_SOCKET": listener.name]).keep(management: STDIN_FILENO))
            #expect(listener.next() == "FDSTOREREMOVE=1\nFDNAME=bluetooth-management")
            let told = try #require(listener.nextWithDescriptor())
            #expect(told.text == "FDSTORE=1\nFDNAME=bluetooth-management")
            let passed = try #require(told.descriptor)
            defer { close(passed) }
            var (own, other) = (stat(), stat())
            #expect(fstat(STDIN_FILENO, &own) == 0 && fstat(passed, &other) == 0)
            #expect(own.st_ino == other.st_ino && own.st_dev == other.st_dev)
        }
        #expect(!manager([:]).keep(management: STDIN_FILENO))
    }

    @Test("a descriptor for this process is taken by its name, and child processes do not inherit it")
    func takes() throws {
        let there = fcntl(STDIN_FILENO, F_DUPFD, 400)
        try #require(there >= 400)
        defer { close(there) }
        let names = String(repeating: "other:", count: Int(there) - 3) + "bluetooth-management"
        let good = ["LISTEN_PID": "\(getpid())", "LISTEN_FDS": "\(there - 2)", "LISTEN_FDNAMES": names]
        #expect(manager(good).management == there)
        #expect(fcntl(there, F_GETFD) == FD_CLOEXEC)
        let bad = [
            ("LISTEN_PID", "1"), ("LISTEN_PID", ""), ("LISTEN_FDS", "\(there - 3)"), ("LISTEN_FDS", "-1"),
            ("LISTEN_FDS", "many"), ("LISTEN_FDNAMES", "bluetooth"), ("LISTEN_FDNAMES", ""),
        ]
        for (name, value) in bad {
            #expect(manager(good.merging([name: value]) { $1 }).management == nil, "\(name)=\(value)")
        }
        let closed = [
            "LISTEN_FDS": "9999", "LISTEN_FDNAMES": String(repeating: ":", count: 9_000) + "bluetooth-management",
        ]
        #expect(manager(good.merging(closed) { $1 }).management == nil, "it does not exist")
    }
}
