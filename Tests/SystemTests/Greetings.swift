import BootTime
import Foundation
import SystemSupport

/// How long devices waited for their HELLO, connecting one after the other.
struct Greetings: CustomStringConvertible {
    /// In milliseconds, the shortest first.
    private let waits: [Double]

    init(_ beacon: BeaconProcess, for seconds: Double) throws {
        var waits: [Double] = []
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            let begun = Instant.now
            let link = try TestDevice(beacon.link)
            guard case .hello? = try link.receive(within: 30) else { continue }
            waits.append(Double((.now - begun).wholeMicroseconds) / 1_000)
            Thread.sleep(forTimeInterval: 0.01)
        }
        self.waits = waits.sorted()
    }

    /// In milliseconds; infinity if there was no HELLO.
    private var median: Double { waits.isEmpty ? .infinity : waits[waits.count / 2] }

    var description: String {
        guard let most = waits.last else { return "no HELLO" }
        return "\(waits.count) HELLOs, median \(median) ms, at most \(most) ms"
    }

    /// Whether most devices were greeted in time: within 100 ms, or on a busy machine within 20 times what it takes without the flood.
    func areInTime(beside quiet: Greetings) -> Bool { median < max(100, 20 * quiet.median) }
}
