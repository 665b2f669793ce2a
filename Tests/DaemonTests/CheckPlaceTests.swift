import Files
import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Daemon

@Suite("The check of a configuration")
struct CheckPlaceTests {
    private func check(_ files: BeaconFiles, _ changes: [String: [String: String]]) throws -> OperatorFault {
        let configuration = try files.configuration(changes)
        return try #require(throws: OperatorFault.self) { try DaemonProcess.check(configuration) }
    }

    @Test("refuses a state folder whose socket would have too long a path, and says by how much")
    func tooLong() throws {
        try BeaconFiles.with { files in
            let path = files.folder.path(String(repeating: "s", count: 106 - files.folder.url.path.utf8.count))
            let fault = try check(files, ["beacon": ["state": path]])
            #expect(fault.message.contains("has 8 bytes more than a socket's may have"), "\(fault.message)")
            #expect(fault.hint(for: .beacon) == "give [beacon] state a path of at most 99 bytes")
            expectGood(fault)
            let longest = String(path.dropLast(8))
            #expect(throws: Never.self) { try DaemonProcess.check(files.configuration(["beacon": ["state": longest]])) }
            #expect(access(longest, F_OK) != 0, "nothing is created")
        }
    }

    @Test("refuses one that cannot be created, or that others can access")
    func notCreated() throws {
        try BeaconFiles.with { files in
            let missing = files.folder.path("no/state")
            let fault = try check(files, ["beacon": ["state": missing]])
            #expect(fault.message.contains("\(missing) does not exist, and cannot be created in"), "\(fault.message)")
            expectGood(fault)
            mkdir(files.state, 0o755)
            #expect(try check(files, [:]).message.contains("is accessible to others (mode 0755)"))
        }
    }

    @Test("warns of a local socket whose folder is not there now: a unit may make it at the start")
    func localLink() throws {
        try BeaconFiles.with { files in
            let path = files.folder.path("no/link")
            let found = try DaemonProcess.check(files.configuration(["link": ["local": path]]))
            #expect(
                found.contains { $0.message.contains("\(path) cannot be created in \(files.folder.path("no")) now") })
            for fault in found { expectGood(fault) }
        }
    }
}

@Suite("The end of an identity, on a disk with faults")
struct UnfinishedDeregistrationTests {
    @Test("is not finished while a key is left: each start tries again, and names the key")
    func keyLeft() throws {
        try BeaconFiles.with { files in
            let configuration = try Configuration(file: files.configuration())
            let folder = try StateFolder(path: files.state)
            try folder.noteDeregistration("by c2", isFinished: false)
            // A folder that is not empty can be neither overwritten nor removed.
            unlink(files.accessKey)
            mkdir(files.accessKey, 0o700)
            try files.folder.write(Data(), to: "tls.key/x")
            for _ in 0..<2 {
                let fault = try #require(throws: OperatorFault.self) { try configuration.finishDeregistration() }
                #expect(fault.message.contains("could not all be destroyed: \(files.accessKey)"), "\(fault.message)")
                expectGood(fault)
                try #expect(folder.deregistration?.isFinished == false)
            }
            unlink(files.folder.path("tls.key/x"))
            rmdir(files.accessKey)
            try configuration.finishDeregistration()
            try #expect(folder.deregistration?.isFinished == true)
        }
    }

    @Test("is noted on a full disk as well: the reserve makes room; a note that cannot be read is not taken for none")
    func note() throws {
        try BeaconFiles.with { files in
            let configuration = try Configuration(file: files.configuration())
            let folder = try StateFolder(path: files.state)
            try folder.takeReserve()
            mkdir(files.state + "/deregistered", 0o700)
            #expect(throws: FileError.self) { try folder.noteDeregistration("by c2", isFinished: true) }
            #expect(throws: OperatorFault.self) { try configuration.checkNotDeregistered() }
            #expect(!configuration.isDeregistered, "no key is destroyed for it")
        }
    }
}
