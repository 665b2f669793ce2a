import Foundation

/// The wall clock of only those programs that are started with its environment; it can be set while they run.
package final class WrongClock {
    private let file: String

    /// A clock that is right.
    package convenience init(_ network: Network) throws { try self.init(in: network.folder) }

    /// A clock that is right.
    /// - Parameter folder: where its file is.
    package init(in folder: String) throws {
        file = folder + "/wrong-clock-\(UUID().uuidString)"
        try Data(repeating: 0, count: 8).write(to: URL(filePath: file))
        guard FileManager.default.fileExists(atPath: library) else { throw NotInTime(what: "the library \(library)") }
    }

    private let library = Network.products + "/libWrongClock.so"

    package var environment: [String: String] {
        // In addition to libraries that are preloaded already, as by Scripts/sanitize.
        let libraries = [ProcessInfo.processInfo.environment["LD_PRELOAD"], library].compactMap(\.self)
        return ["LD_PRELOAD": libraries.joined(separator: ":"), "SRUP_WRONG_CLOCK": file]
    }

    /// Sets it to the second day of a year.
    package func set(to year: Int) throws {
        let day = DateComponents(calendar: Calendar(identifier: .gregorian), timeZone: .gmt, year: year, day: 2)
        guard let moment = day.date else { throw NotInTime(what: "a year \(year)") }
        try write(Int64(moment.timeIntervalSinceNow))
    }

    /// Sets it ahead, or back.
    package func set(aheadBy seconds: Int64) throws { try write(seconds) }

    package func correct() throws { try write(0) }

    /// Written in place, because the file is mapped.
    private func write(_ seconds: Int64) throws {
        let descriptor = open(file, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        var seconds = seconds
        guard pwrite(descriptor, &seconds, 8, 0) == 8 else { throw NotInTime(what: "the clock is set: errno \(errno)") }
    }
}
