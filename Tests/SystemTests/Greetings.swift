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

    /// Whether most devices were greeted in time: within 100 ms, or on a busy machine within 20 times what it takes without the flood.
    func areInTime(beside quiet: Greetings) -> Bool { median < max(100, 20 * quiet.median) }
}
