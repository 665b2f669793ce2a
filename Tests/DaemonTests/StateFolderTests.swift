import Files
import Foundation
import OperatorText
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("The state folder")
struct StateFolderTests {
    private func refusal(_ path: String) throws -> OperatorFault {
        let fault = try #require(throws: OperatorFault.self) { try StateFolder(path: path) }
        expectGood(fault)
        #expect(fault.message.contains(path))
        return fault
    }

    @Test("is made for its owner only, and used as it is afterwards")
    func made() throws {
        try TemporaryFolder.with { files in
            let path = files.path("state")
            for _ in 0..<2 {
                _ = try StateFolder(path: path)
                let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(mode == 0o700)
            }
        }
    }

    @Test("is refused if others may read it", arguments: [0o750, 0o701, 0o770, 0o777, 0o710])
    func exposed(mode: Int) throws {
        try TemporaryFolder.with { files in
            let path = files.path("state")
            _ = try StateFolder(path: path)
            try files.set(mode: mode, of: "state")
            #expect(try refusal(path).hint(for: .beacon) == "restrict it: chmod 0700 \(path)")
        }
    }

    @Test("is refused if it is a file or cannot be made; a link to a folder of ours is accepted, as systemd makes it")
    func notAFolder() throws {
        try TemporaryFolder.with { files in
            _ = try refusal(try files.write(Data(), to: "file"))
            _ = try StateFolder(path: files.path("state"))
            try FileManager.default.createSymbolicLink(
                atPath: files.path("link"), withDestinationPath: files.path("state"))
            _ = try StateFolder(path: files.path("link"))
            _ = try refusal(files.path("no/such/folder"))
        }
    }

    @Test("is refused if it belongs to another user", .enabled(if: geteuid() == 0, "only root gives folders away"))
    func foreign() throws {
        try TemporaryFolder.with { files in
            let path = files.path("state")
            _ = try StateFolder(path: path)
            #expect(chown(path, 65_534, 65_534) == 0)
            #expect(try refusal(path).hint(for: .beacon).contains("chown"))
        }
    }

    @Test(
        "is refused if something other than a regular file has the name of one of its files, without blocking",
        .timeLimit(.minutes(1)),
        arguments: [
            "sequences", "deregistered", "reserve", "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-journal",
        ])
    func fifo(name: String) throws {
        try TemporaryFolder.with { files in
            let path = files.path("state")
            let folder = try StateFolder(path: path)
            #expect(mkfifo(path + "/" + name, 0o600) == 0)
            let fault = try refusal(path)
            #expect(fault.message.contains("\(name) in the state folder is not a regular file"), "\(fault.message)")
            #expect(fault.hint(for: .beacon).contains("mv \(path)/\(name) "))
            // Nor by a command that only reads it, or that has begun before.
            if name == "deregistered" { #expect(throws: OperatorFault.self) { try folder.deregistration } }
            if name == "sequences" { #expect(throws: FileError.irregular) { try SequenceReservation(reading: folder) } }
            #expect(throws: (any Error).self) { try Journal.history(of: folder, limit: 1) }
            #expect(((try? folder.takeReserve()) != nil) == (name != "reserve"))
            try folder.noteDeregistration("by c2", isFinished: true)
            try #expect(folder.deregistration?.words == "by c2")
        }
    }

    @Test("opens only regular files of an update, without blocking", .timeLimit(.minutes(1)))
    func updateFifo() throws {
        try TemporaryFolder.with { files in
            let update = UpdateFolder(in: files.url.path)
            try update.make()
            for name in ["fetch.lock", "file", "part", "part.of"] {
                #expect(mkfifo(update.path + "/" + name, 0o600) == 0)
            }
            #expect(update.lock("fetch", timeout: .zero) == nil && !update.holds([1]))
            #expect((try? update.openPart()) == nil && update.begun(("https://x", [1])).length == 0)
        }
    }

    @Test("keeps a reserve that uses space on the disk")
    func reserve() throws {
        try JournalFolder.with { folder in
            try folder.state.takeReserve()
            try folder.state.takeReserve()
            var status = stat()
            #expect(stat(folder.state.reserve, &status) == 0)
            #expect(Int(status.st_blocks) * 512 >= StateFolder.reserveLength)
            folder.state.giveReserveBack()
            #expect(folder.names.isEmpty)
        }
    }
}

@Suite("A configuration that is not a regular file")
struct ConfigurationFifoTests {
    @Test("is refused without blocking", .timeLimit(.minutes(1)))
    func fifo() throws {
        try TemporaryFolder.with { files in
            let path = files.path("beacon.conf")
            #expect(mkfifo(path, 0o600) == 0)
            for place in [path, "/dev/null", files.url.path] {
                let fault = try #require(throws: OperatorFault.self) { try Configuration(file: place) }
                #expect(fault.message == "the configuration \(place) cannot be read: it is not a regular file")
            }
        }
    }
}

@Suite("The file of sequence ceilings")
struct SequenceCeilingsTests {
    @Test("is read as it was written")
    func roundTrip() throws {
        try JournalFolder.with { folder in
            try #expect(SequenceReservation(reading: folder.state) == nil)
            var written = SequenceReservation(epoch: "e1")
            for ceilings in [
                [:],
                [server: SequenceID(1_040), otherServer: SequenceID(.max - 1 << 31), Identifier(1): SequenceID(0)],
            ] {
                for previous in [nil, "e0"] {
                    (written.ceilings, written.previousEpoch) = (ceilings, previous)
                    try written.write(to: folder.state)
                    try #expect(SequenceReservation(reading: folder.state) == written)
                    #expect(folder.names == ["sequences"], "no half-written file is left")
                }
            }
        }
    }

    @Test(
        "counts as missing if it is not valid",
        arguments: [
            "", "\n", "epoch", "epoch a b", "previous e0\n", "00000000000000c2 5\n", "epoch e1\nxyz 5\n",
            "epoch e1\nc2 -5\n", "epoch e1\nc2 18446744073709551615\n", "epoch e1\nc2 18446744073709551616\n",
            "epoch e1\nc2\n", "epoch e1\nc2 5 6\n",
            "epoch e1\n12345678901234567 5\n", "\u{0}\u{1}\u{2}",
        ])
    func garbage(text: String) throws {
        try JournalFolder.with { folder in
            try folder.files.write(Data(text.utf8), to: "sequences")
            try #expect(SequenceReservation(reading: folder.state) == nil)
        }
    }

    @Test("that could not be written leaves the old one in place")
    func replaced() throws {
        try JournalFolder.with { folder in
            let old = SequenceReservation(epoch: "e1")
            try old.write(to: folder.state)
            try FileManager.default.createDirectory(
                atPath: folder.state.sequences + ".new", withIntermediateDirectories: false)
            #expect(throws: FileError.system(EISDIR)) { try SequenceReservation(epoch: "e2").write(to: folder.state) }
            try #expect(SequenceReservation(reading: folder.state) == old)
        }
    }
}
