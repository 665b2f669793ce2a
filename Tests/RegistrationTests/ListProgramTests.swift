import BootTime
import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Registration

@Suite("Telling the broker of a new revocation list", .blocking)
struct ListProgramTests {
    private let list = RegistryList(file: "/registry/crl.pem", number: 7, end: 0)

    @Test("the program is called once for each list, and after a failure again with pauses that grow to an hour")
    func schedule() {
        var schedule = ListSchedule()
        let later = RegistryList(file: list.file, number: 8, end: 0)
        var now = Instant(.seconds(1_000))
        #expect(schedule.isDue(list, at: now), "at the start, whatever was done before it")
        for seconds in [60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
            #expect(schedule.ended(list, succeeded: false, at: now) == .seconds(seconds))
            #expect(!schedule.hasTaken(list))
            #expect(!schedule.isDue(list, at: now + .seconds(seconds) - .seconds(1)))
            now = now + .seconds(seconds)
            #expect(schedule.isDue(list, at: now))
        }
        #expect(schedule.ended(list, succeeded: true, at: now) == nil)
        #expect(schedule.hasTaken(list) && !schedule.isDue(list, at: now + .seconds(1_000_000)))
        #expect(schedule.isDue(later, at: now), "a new one, without a pause")
        #expect(
            schedule.ended(later, succeeded: false, at: now) == .seconds(60), "failures count from the last success")
        let last = RegistryList(file: list.file, number: 9, end: 0)
        #expect(!schedule.isDue(later, at: now) && schedule.isDue(last, at: now), "also while an older one waits")
    }

    /// A program in a registry's folder, and its path.
    private func withProgram(
        _ text: String, mode: Int = 0o755, _ body: (RegistryFixture, String) throws -> Void
    ) throws {
        try RegistryFixture.with { fixture throws in
            let script = Data(("#!/bin/sh\n" + text).utf8)
            try body(fixture, try fixture.folder.write(script, to: "on list;x", mode: mode))
        }
    }

    @Test(
        "the program gets the list and the folder as its arguments, as they are; its failure has a sentence and a hint")
    func calls() throws {
        try withProgram("printf '%s|' \"$@\" >\"$0.said\"; [ ! -e \"$0.fail\" ] || { echo no broker >&2; exit 3; }") {
            fixture, path in
            let folder = fixture.folder.url.path
            let program = try ListProgram(path, folder: RegistryFolder(existing: folder))
            let odd = RegistryList(file: "/x; touch y $(z)", number: 7, end: 0)
            #expect(program.take(odd) == nil)
            #expect(try String(contentsOfFile: path + ".said", encoding: .utf8) == "/x; touch y $(z)|\(folder)|")
            try fixture.folder.write(Data(), to: "on list;x.fail")
            let fault = try #require(program.take(list))
            #expect(fault.message == "\(path) has not taken revocation list 7: no broker")
            #expect(
                fault.hint(for: .bench)
                    == "run it by hand, and fix what it reports: \(path) /registry/crl.pem \(folder)")
            #expect(OperatorTextRules.broken(by: fault).isEmpty)
            // It is checked again at each call.
            try fixture.folder.set(mode: 0o777, of: "on list;x")
            #expect(program.take(list)?.message.contains("can be changed by others") == true)
        }
    }

    @Test("a program that is missing, not executable, open to others, or named without its path is refused")
    func refused() throws {
        for (mode, message, hint) in [
            (0o644, "is not a program that we may run", "chmod 0755"),
            (0o757, "can be changed by others", "chmod go-w"),
        ] {
            try withProgram("", mode: mode) { fixture, path in
                let fault = try #require(throws: OperatorFault.self) {
                    try ListProgram(path, folder: RegistryFolder(existing: fixture.folder.url.path))
                }
                #expect(fault.message.contains(message) && fault.hint(for: .bench).contains(hint), "\(fault.message)")
            }
        }
        try RegistryFixture.with { fixture throws in
            let folder = try RegistryFolder(existing: fixture.folder.url.path)
            for (path, message) in [("/nothing/here", "cannot be used"), ("systemctl", "absolute path")] {
                let fault = try #require(throws: OperatorFault.self) { try ListProgram(path, folder: folder) }
                #expect(fault.message.contains(message), "\(fault.message)")
                #expect(OperatorTextRules.broken(by: fault).isEmpty)
            }
        }
    }

    @Test("the metrics give the ends of the list and of each certificate, and whether the broker was told")
    func metrics() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.registry.maintain(writesList: true)
            let end = fixture.clock.seconds + 30 * 86_400
            let text = try fixture.registry.metrics(hasTaken: false)
            #expect(text.contains("\nsrup_registry_list_not_after_seconds \(end)\n"))
            #expect(text.contains("\nsrup_registry_list_taken 0\n"))
            for name in ["ca", "https", "broker"] {
                #expect(
                    text.contains("\nsrup_registry_certificate_not_after_seconds{certificate=\"\(name)\"} "), "\(text)")
            }
            #expect(!text.contains("\"c2\""), "there is none")
            #expect(try !fixture.registry.metrics(hasTaken: nil).contains("list_taken"))
        }
    }
}
