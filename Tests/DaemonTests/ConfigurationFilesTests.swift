import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Daemon

@Suite("The folder conf.d beside the configuration")
struct ConfigurationFilesTests {
    /// A good configuration with files in its conf.d.
    private static func with(
        _ fragments: [String: String], main: String = Settings.good.joined(separator: "\n"),
        _ body: (TemporaryFolder, String) throws -> Void
    ) throws {
        try TemporaryFolder.with { folder in
            try #require(mkdir(folder.path("conf.d"), 0o755) == 0)
            for (name, text) in fragments { try folder.write(Data(text.utf8), to: "conf.d/\(name)", mode: 0o644) }
            try body(folder, try folder.write(Data(main.utf8), to: "beacon.conf"))
        }
    }

    private static func fault(_ fragments: [String: String]) throws -> OperatorFault {
        var fault: OperatorFault?
        try with(fragments) { _, file in
            fault = try #require(throws: OperatorFault.self) { try Configuration(file: file) }
        }
        return try #require(fault)
    }

    @Test(
        "is read after the file, in the order of the names; a later value is in force, and a list is replaced as a whole"
    )
    func order() throws {
        let fragments = [
            "10-site.conf": "[observation]\nwindow = 10\n[broker]\naddress = a:1, b:2\n[beacon]\nsite = harbour",
            "9-late.conf": "[observation]\nwindow = 9",
            "20.conf": "[broker]\naddress = c:3\n[server c3]\nkey = /etc/c3",
            "30.conf.dpkg-old": "[observation]\nwindow = 30", ".40.conf": "[observation]\nwindow = 40",
            "README": "nonsense",
        ]
        try Self.with(fragments) { folder, file in
            let read = try Configuration(file: file)
            #expect(read.policy.observationWindow == .seconds(9), "10 comes before 9: by bytes, not by number")
            #expect(read.brokers.map(\.description) == ["c:3"])
            #expect(read.servers.count == 2 && read.place.site == "harbour")
            let names = try ConfigurationFiles.fragments(of: file).map { $0.split(separator: "/").last ?? "" }
            #expect(names == ["10-site.conf", "20.conf", "9-late.conf"])
        }
    }

    @Test("may hold what the file lacks, also parts of one section")
    func missing() throws {
        let main = Settings.good.filter { !$0.hasPrefix("identity") }.joined(separator: "\n")
        try Self.with(["a.conf": "[beacon]\nidentity = b1"], main: main) { _, file in
            let read = try Configuration(file: file)
            #expect(read.identity.topicForm == "b1")
        }
    }

    @Test("with an error in a file names that file and its line")
    func named() throws {
        for (text, line) in [
            ("[observation]\nwindows = 3", 2), ("[observation]\n\nwindow = x", 3), ("nonsense", 1),
            ("[log]\nlevel = info\nlevel = info", 3),
        ] {
            let fault = try Self.fault(["10.conf": "[log]\nformat = json", "20.conf": text])
            expectGood(fault)
            #expect(
                fault.message.hasPrefix("line \(line) of ") && fault.message.contains("/conf.d/20.conf"), "\(fault)")
        }
    }

    @Test("an error that a later file would replace is an error all the same")
    func replaced() throws {
        let fault = try Self.fault(["1.conf": "[observation]\nwindow = x", "2.conf": "[observation]\nwindow = 3"])
        #expect(fault.message.contains("/conf.d/1.conf"))
    }

    @Test("that is not a folder, has too many files, or a file that is not one, is refused, and never left out")
    func unusable() throws {
        try TemporaryFolder.with { folder in
            let file = try folder.write(Data(Settings.good.joined(separator: "\n").utf8), to: "beacon.conf")
            try folder.write(Data(), to: "conf.d")
            let fault = try #require(throws: OperatorFault.self) { try Configuration(file: file) }
            expectGood(fault)
            #expect(fault.message.contains("\(folder.path("conf.d")) cannot be read"))
        }
        let many = (0...ConfigurationFiles.mostFragments).map { ("\($0).conf", "") }
        let fault = try Self.fault(Dictionary(many) { $1 })
        expectGood(fault)
        #expect(fault.message.contains("has 257 files"))
        try Self.with([:]) { folder, file in
            mkdir(folder.path("conf.d/x.conf"), 0o755)
            let fault = try #require(throws: OperatorFault.self) { try Configuration(file: file) }
            #expect(fault.message.contains("/conf.d/x.conf cannot be read"), "\(fault)")
        }
    }

    @Test(
        "must be changeable by root and the beacon's user only, as the file: the folder, also an empty one, and each file in it"
    )
    func trusted() throws {
        try Self.with(["a.conf": "[log]\nlevel = info"]) { folder, file in
            func fault(_ name: String) throws -> OperatorFault {
                try #require(throws: OperatorFault.self) { try Configuration(file: file).examineTrustedFiles(file) }
            }
            try folder.set(mode: 0o666, of: "conf.d/a.conf")
            let ofFile = try fault("a.conf")
            expectGood(ofFile)
            #expect(ofFile.message.contains("conf.d/a.conf can be changed by others"), "\(ofFile)")
            unlink(folder.path("conf.d/a.conf"))
            try folder.set(mode: 0o777, of: "conf.d")
            let ofFolder = try fault("conf.d")
            expectGood(ofFolder)
            #expect(ofFolder.message.contains("conf.d can be changed by others"), "\(ofFolder)")
        }
    }

    @Test("is read again as a whole by a reload: a file that has gone no longer counts")
    func reload() throws {
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(folder)
            func window() throws -> Duration { try fixture.on { $0.configuration.policy.observationWindow } }
            mkdir(folder.path("conf.d"), 0o755)
            try folder.write(Data("[observation]\nwindow = 7\n[beacon]\nname = North gate".utf8), to: "conf.d/a.conf")
            let old = try fixture.report()
            _ = try fixture.reload("")
            #expect(try window() == .seconds(7))
            let new = try fixture.report()
            #expect(new.name == "North gate" && old.name == nil && new.configuration != old.configuration)
            unlink(folder.path("conf.d/a.conf"))
            try folder.write(Data("[observation]\nwindow = no".utf8), to: "conf.d/b.conf")
            #expect(try fixture.reload("").contains("conf.d/b.conf"))
            #expect(try window() == .seconds(7), "a faulty file changes nothing")
            unlink(folder.path("conf.d/b.conf"))
            _ = try fixture.reload("")
            #expect(try window() == .seconds(120))
        }
    }
}
