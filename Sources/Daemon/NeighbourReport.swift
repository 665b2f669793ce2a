import Bluetooth
import BootTime
import SRUP

/// What `srup-beacon status` tells of the neighbours that the operator has named.
package struct NeighbourReport: Codable, Equatable, Sendable {
    /// One of them.
    package struct Neighbour: Codable, Equatable, Sendable {
        package var id: String
        /// false: it has not been heard for the limit.
        package var heard: Bool
        /// nil: never since the start.
        package var lastHeardSecondsAgo: Int64?
        /// Our adapter that heard it last.
        package var adapter: String?
        package var signalDbm: Int8?
        /// How many of its own neighbours it hears, and of how many, as it says; nil: it does not tell.
        package var hears, names: UInt8?

        /// It says that it hears none of its neighbours.
        package var doesNotHear: Bool { hears == 0 }

        /// What is wrong, and what to do; nil: nothing.
        package var trouble: (fault: String, hint: String)? {
            if !heard { return ("not heard", NeighbourReport.notHeardHint) }
            return doesNotHear ? ("it hears none of its neighbours", NeighbourReport.doesNotHearHint) : nil
        }

        /// For a person: one line.
        package var text: String { "neighbour \(id): \(found)" }

        /// The same without its name.
        package var found: String {
            let when = lastHeardSecondsAgo.map { "last heard \($0) s ago" } ?? "never heard since the start"
            let how = [adapter.map { "by \($0)" }, signalDbm.map { "\($0) dBm" }].compactMap { $0 }
            let own = hears.flatMap { hears in names.map { "; it hears \(hears) of its \($0) neighbours" } } ?? ""
            return "\(heard ? "" : "not heard: ")\(([when] + how).joined(separator: ", "))\(own)"
        }
    }

    static let deafness = "none of the neighbours is heard: the radio may be deaf"
    static let deafHint =
        "if others hear them (srup-bench scan), unplug the adapter and plug it in again, or replace it"
    static let notHeardHint = "is it running, in range, and does it advertise its identity: srup-beacon status there"
    static let doesNotHearHint = "its radio may be deaf: srup-beacon status there"

    /// How long one may be silent.
    package var limitSeconds: Int64
    package var list: [Neighbour]
    /// None of them is heard.
    package var deaf: Bool
    /// Why they cannot be listened for now; nil: they can.
    package var fault: String?

    /// What is wrong with the radio as a whole, and what to do; nil: nothing.
    package var trouble: (fault: String, hint: String)? {
        deaf ? (NeighbourReport.deafness, NeighbourReport.deafHint) : nil
    }

    /// For a person.
    package var lines: [String] {
        var lines = trouble.map { ["radio: \($0.fault)", "  hint: \($0.hint)"] } ?? []
        if let fault { lines.append("neighbours: they cannot be listened for: \(fault)") }
        for neighbour in list {
            lines.append(neighbour.text)
            if !deaf, let hint = neighbour.trouble?.hint { lines.append("  hint: \(hint)") }
        }
        return lines
    }

    /// The same in a line each, of what is wrong only.
    package var faults: [String] {
        if let trouble { return [trouble.fault] }
        return (fault.map { ["the neighbours cannot be listened for: \($0)"] } ?? [])
            + list.compactMap { one in one.trouble.map { "neighbour \(one.id): \($0.fault)" } }
    }
}

extension Neighbours {
    /// What `status` tells of them.
    func report(at now: Instant) -> NeighbourReport {
        let sorted = watch.neighbours.sorted { $0.key.number < $1.key.number }
        return NeighbourReport(
            limitSeconds: watch.limit.components.seconds,
            list: sorted.map { identity, neighbour in
                let adapter = neighbour.byAdapter.max { $0.value < $1.value }?.key
                return .init(
                    id: identity.description, heard: watch.isHeard(identity),
                    lastHeardSecondsAgo: neighbour.lastHeard.map { (now - $0).components.seconds },
                    adapter: adapter?.description, signalDbm: neighbour.signal, hears: neighbour.hearing?.heard,
                    names: neighbour.hearing?.named)
            }, deaf: watch.isDeaf, fault: fault)
    }
}
