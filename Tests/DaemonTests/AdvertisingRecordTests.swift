import Foundation
import TestVectors
import Testing

@testable import Daemon
@testable import Bluetooth

@Suite("Which advertising instances are ours")
struct AdvertisingRecordTests {
    private let log = LogRecorder()
    private let one = BluetoothAddress("00:AA:01:00:00:00") ?? .any
    private let two = BluetoothAddress("00:AA:01:00:00:02") ?? .any

    @Test("is known to the next run of the same boot, until it is cleared")
    func kept() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("advertising")
            func record(_ boot: String = "boot-1") -> AdvertisingRecord {
                AdvertisingRecord(path, bootID: boot, log: log.logger)
            }
            let first = record()
            first.note([3], of: one)
            first.note([2, 1], of: two)
            #expect(record().instances == [one: [3], two: [1, 2]] || record().instances == [one: [3], two: [2, 1]])
            first.note([], of: two)
            #expect(record().instances == [one: [3]] && record("boot-2").instances.isEmpty)
            let second = record()
            second.clear()
            #expect(record().instances.isEmpty && log.texts.isEmpty)
        }
    }

    @Test("is not known from a file that says something else")
    func damaged() throws {
        try TemporaryFolder.with { folder in
            for text in [
                "", "boot-1", "boot-1 x 3\nboot-1 00:AA:01:00:00:00 999\n", String(repeating: "x", count: 9_000),
            ] {
                let path = try folder.write(Data(text.utf8), to: "advertising")
                #expect(AdvertisingRecord(path, bootID: "boot-1", log: log.logger).instances.isEmpty)
            }
        }
    }

    @Test("that it cannot be written is logged once")
    func cannotBeWritten() {
        let record = AdvertisingRecord("/dev/null/none", bootID: "boot-1", log: log.logger)
        record.note([3], of: one)
        record.note([2], of: one)
        #expect(log.texts.count == 1 && log.texts[0].hasPrefix("/dev/null/none cannot be written: "))
        #expect(record.instances == [one: [2]])
    }
}
