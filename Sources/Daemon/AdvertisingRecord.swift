import Bluetooth
import Files
import Logging

/// Which advertising instances are ours on each adapter, as a small file: the kernel keeps an instance when the program ends that made
/// it, and does not tell whose it is. Without this, a beacon that was killed would take its own old advertisement for another
/// program's. Valid until the machine is started again.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class AdvertisingRecord: @unchecked Sendable {
    private static let maximumLength = 4_096

    /// By the adapter's address.
    private(set) var instances: [BluetoothAddress: [UInt8]] = [:]
    private let path: String?
    private let bootID: String
    private let log: Logger
    private var hasFailed = false

    /// - Parameters:
    ///   - path: of the file; nil: it is kept in memory alone.
    ///   - bootID: the kernel's name for the time since the machine was started.
    init(_ path: String?, bootID: String, log: Logger) {
        (self.path, self.log) = (path, log)
        self.bootID = String(bootID.prefix { !$0.isWhitespace })
        guard let path, let bytes = try? File.read(path, atMost: AdvertisingRecord.maximumLength) else { return }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == self.bootID, let address = BluetoothAddress(words[1]),
                let instance = UInt8(words[2])
            else { continue }
            instances[address, default: []].append(instance)
        }
    }

    /// Notes the instances of one adapter.
    func note(_ own: [UInt8], of address: BluetoothAddress) {
        guard instances[address, default: []] != own else { return }
        instances[address] = own.isEmpty ? nil : own
        write()
    }

    /// There is none on any adapter.
    func clear() {
        guard !instances.isEmpty else { return }
        instances = [:]
        write()
    }

    private func write() {
        guard let path else { return }
        let lines = instances.flatMap { adapter, own in own.map { "\(bootID) \(adapter) \($0)\n" } }.sorted()
        do throws(FileError) {
            // After a power cut it says nothing: then the kernel's list is empty.
            try File.replace(path, with: Array(lines.joined().utf8), isSynced: false)
            hasFailed = false
        } catch {
            if !hasFailed { log.warning("\(path) cannot be written: \(error)") }
            hasFailed = true
        }
    }
}
