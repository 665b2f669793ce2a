import BootTime
import Foundation
import SystemSupport

/// How long devices waited for their HELLO, connecting one after the other.
struct Greetings: CustomStringConvertible {
    /// In milliseconds.
    private var waits: [Double] = []

    init() {}

    /// One after the other for a while.
    init(_ beacon: BeaconProcess, for seconds: Double) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            try add(beacon)
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    /// One more device connects.
    mutating func add(_ beacon: BeaconProcess) throws {
        let begun = Instant.now
        guard case .hello? = try TestDevice(beacon.link).receive(within: 30) else { return }
        waits.append(Double((.now - begun).wholeMicroseconds) / 1_000)
    }

    /// In milliseconds; infinity if there was no HELLO.
    private var median: Double { waits.isEmpty ? .infinity : waits.sorted()[waits.count / 2] }

    var description: String {
        guard let most = waits.max() else { return "no HELLO" }
        return "\(waits.count) HELLOs, median \(median) ms, at most \(most) ms"
    }

    /// Whether most devices were greeted in time: within a twentieth of what the flood takes, however slow the machine is. A beacon that
    /// finishes the flood first greets them when it is over.
    /// - Parameter seconds: how long the flood took.
    func areInTime(inFloodOf seconds: Double) -> Bool { median < 1_000 * seconds / 20 }
}
