import Foundation
import Keys
import OperatorText
import SRUP
import Testing
import TestVectors

@testable import Bench
@testable import C2Server

@Suite("What a C2 server requires of a proof, and what it reports")
struct C2GradeTests {
    /// The same server after a restart, with these options.
    private func restarted(_ server: ServerFixture, _ required: C2.Grade? = nil) -> ServerFixture {
        var next = ServerFixture { $0.requires = required }
        next.c2 = C2(
            own: Roles.c2.id, policy: next.c2.policy, dependencies: next.c2.dependencies, memory: server.c2.memory)
        return next
    }

    /// The observer's *valid* for the open join, without a proof.
    private func verdict(_ server: inout ServerFixture) -> [C2.Effect] {
        server.withOpenJoin()
        return server.saysValid()
    }

    private func grounds(_ effects: [C2.Effect]) -> C2.Grounds? {
        for case .decided(_, _, _, let grounds) in effects { return grounds }
        return nil
    }

    @Test("only a link is required until the operator requires more")
    func unsaid() {
        let server = ServerFixture()
        #expect(server.c2.requires == .reachable && server.c2.memory.required == nil)
    }

    @Test("an order applies at once, to open joins too, and is kept", arguments: C2.Grade.allCases)
    func order(grade: C2.Grade) {
        var server = ServerFixture()
        server.withOpenJoin()
        let said = server.c2.obey(.require(grade))
        #expect(said == [.say("required grade of evidence from now on: \(grade.rawValue)")])
        #expect(restarted(server).c2.requires == grade)
        let effects = server.saysValid()
        #expect(effects.decisions == [grade == .reachable ? .accepted : .refused])
    }

    @Test("the command line overrides the kept grade, and a later order applies until the next start")
    func commandLine() {
        var server = ServerFixture()
        _ = server.c2.obey(.require(.keyed))
        var next = restarted(server, .challenged)
        #expect(next.c2.requires == .challenged)
        _ = next.c2.obey(.require(.reachable))
        #expect(next.c2.requires == .reachable)
        #expect(restarted(next).c2.requires == .reachable && restarted(next, .keyed).c2.requires == .keyed)
    }

    @Test("a decision has the grade if the observer answered valid, and always the reason")
    func told() {
        var server = ServerFixture()
        var found = grounds(verdict(&server))
        #expect(found?.grade == .reachable && found?.reason == "the verdict of \(Roles.beacon.id): observed join valid")
        server = ServerFixture { $0.requires = .keyed }
        found = grounds(verdict(&server))
        #expect(found?.grade == .reachable && found?.reason.contains("keyed is required") == true)
        #expect(server.c2.ended.last?.grounds == found)
        server = ServerFixture()
        server.withOpenJoin()
        found = grounds(server.hears(Roles.beacon.says(.response(.observedJoinFail), 4, "new-2")))
        #expect(found?.grade == nil && found?.reason.contains("observed join fail") == true)
        server = ServerFixture()
        found = grounds(server.hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1")))
        #expect(found == C2.Grounds(reason: "the observer has not joined"))
    }

    // MARK: - History

    @Test("the history keeps a decision's grade and reason, in text and JSON, if there are any")
    func history() throws {
        let store = try C2Store(path: nil, own: Roles.c2.id)
        let (full, bare) = (C2.Grounds(grade: .keyed, reason: "because"), C2.Grounds(reason: "not here"))
        try store.commit(
            C2.Memory(), groups: [:],
            entries: [
                .decided(.accepted, Roles.device.id, "join: accepted", full),
                .decided(.failed, Roles.device.id, "join: failed", bare),
                .told(.remark, nil, "else"),
            ])
        let entries = store.entries(after: 0, limit: 9)
        #expect(entries.map(\.grade) == [.keyed, nil, nil] && entries.map(\.reason) == ["because", "not here", nil])
        #expect(entries[0].text.hasSuffix("  join: accepted (keyed); because"))
        #expect(entries[1].text.hasSuffix("  join: failed; not here") && entries[2].text.hasSuffix("  else"))
        #expect(entries[0].json.contains(#""grade":"keyed""#) && entries[0].json.contains(#""reason":"because""#))
        #expect(!entries[2].json.contains("grade") && !entries[2].json.contains("reason"))
        #expect(try JSONDecoder().decode(C2Entry.self, from: Data(entries[0].json.utf8)) == entries[0])
    }

    @Test(
        "the history describes a device's proof: from whom, to whom, and that it is correct", arguments: [true, false])
    func proof(isRight: Bool) throws {
        var server = ServerFixture()
        server.withOpenJoin()
        let data = try (isRight ? TestProof.right : .otherKey).data()
        let body = Body.data(id: DataID.observationProof.octets, data: Octets(data))
        let effects = server.hears(Roles.beacon.says(body, 4, "new-2"))
        guard case .record(let message?, let frame, let refused)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        let line = TraceLine(message, frame: frame, from: .beacon, to: .c2, at: 0, refused: refused)
        let entry = C2Entry.received(message, line, refused)
        let who =
            "device \(Roles.device.id) to beacon \(Roles.beacon.id), for server \(Roles.c2.id), over le, "
            + "signature of 256 bytes"
        #expect(entry.message.contains(who), "\(entry.message)")
        #expect(entry.kind == (isRight ? .evidence : .message))
        let end =
            isRight ? "the device holds the value and signed with its key" : "its signature is not the device's"
        #expect(entry.message.hasSuffix(end), "\(entry.message)")
        #expect(entry.message.hasPrefix(isRight ? "proof from \(Roles.beacon.id): device" : "refused DATA of"))
    }

    // MARK: - Files

    @Test("only a regular file can be an update: a FIFO, a folder and a missing file have no digest, without blocking")
    func updateFile() throws {
        let folder = NSTemporaryDirectory() + "c2-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("abc".utf8).write(to: URL(filePath: folder + "/file"))
        try #require(mkfifo(folder + "/pipe", 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "file")
        #expect(sha256(ofFile: folder + "/file", isFollowing: true).map { hexadecimal($0).prefix(8) } == "ba7816bf")
        #expect(sha256(ofFile: folder + "/link", isFollowing: true) != nil)
        for none in ["pipe", "nothing", ""] {
            #expect(sha256(ofFile: folder + "/" + none, isFollowing: true) == nil, "\(none)")
        }
    }

    @Test("a keyring that others can change, or a file of it, is refused with the command that closes it")
    func keyring() throws {
        let folder = NSTemporaryDirectory() + "c2-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/bea1.pub.pem"
        try Roles.beacon.key.publicKey.write(pemFile: file)
        #expect(try KeyPairs.known(in: folder).count == 1)
        for (place, mode, usual) in [(folder, 0o777, 0o755), (file, 0o666, 0o644)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: place)
            let fault = #expect(throws: OperatorFault.self) { try KeyPairs.known(in: folder) }
            #expect(fault?.message.contains("can be changed by others") == true, "\(String(describing: fault))")
            #expect(fault?.hint(for: .bench) == "chmod go-w \(place)")
            try FileManager.default.setAttributes([.posixPermissions: usual], ofItemAtPath: place)
        }
        #expect(try KeyPairs.known(in: folder).count == 1)
        try FileManager.default.removeItem(atPath: file)
        try #require(mkfifo(file, 0o600) == 0)
        let fault = #expect(throws: OperatorFault.self) { try KeyPairs.known(in: folder) }
        #expect(fault?.message.contains("is not a regular file") == true)
    }
}
