import OperatorText
import SRUP

/// Several trace files as one, in the time of the first: by the boot clock within one machine, by the wall clocks and their offset between
/// machines (docs/load.md, "Merging").
public struct TraceMerge: Sendable {
    /// How the clock of another machine, or of another boot, was put beside that of the first file.
    public struct Clock: Equatable, Sendable {
        /// The first digits of its boot id.
        public var boot: String
        /// How far its wall clock is ahead of the first file's, in microseconds.
        public var offset: Int64
        /// From where that is known.
        public var source: Source
    }

    /// From where an offset is known.
    public enum Source: Equatable, Sendable {
        /// The operator has given it.
        case stated
        /// From messages that both have recorded, sent in both directions: the offset is right within so many microseconds.
        case estimated(within: Int64, messages: Int)
        /// From messages in one direction only: as if the quickest had taken no time.
        case oneWay(messages: Int)
        /// Nothing tells it: the wall clocks are taken as they are.
        case unknown
    }

    /// Every line, by time; each with its device, where a line with the same token names one.
    public private(set) var lines: [TraceLine]
    /// One for each boot other than the first file's, in the order of the files.
    public private(set) var clocks: [Clock] = []

    /// Merges traces.
    /// - Parameters:
    ///   - traces: the lines of each file.
    ///   - offsets: by the file's place: how far its machine's wall clock is ahead of the first file's, in microseconds.
    public init(_ traces: [[TraceLine]], offsets: [Int: Int64] = [:]) {
        // Traces of an earlier version do not tell their boot, and had to be from the same one.
        let reference = TraceMerge.reference(of: traces)
        var moments = ClockComparison(reference: reference)
        for (place, trace) in traces.enumerated() {
            for line in trace {
                moments.note(line)
                if let offset = offsets[place], let boot = line.boot, boot != reference {
                    moments.stated[boot] = offset
                }
            }
        }
        clocks = moments.clocks()
        let shifts = moments.shifts(clocks)
        lines = traces.joined().map { line in
            var line = line
            if let shift = shifts[line.boot ?? reference], shift != 0 {
                line.atMicroseconds = line.atMicroseconds.addingReportingOverflow(shift).partialValue
                line.wallMicroseconds = moments.wall(ofReference: line.atMicroseconds)
            }
            if line.boot != nil { line.boot = reference }
            return line
        }
        sortAndName()
    }

    private static func reference(of traces: [[TraceLine]]) -> String {
        traces.joined().lazy.compactMap(\.boot).first ?? ""
    }

    /// Merges trace files.
    /// - Parameter offsets: by the file's name.
    /// - Throws: `OperatorFault` if a file is not readable or not a trace, or if an offset has no effect.
    public init(files: [String], offsets: [String: Int64] = [:]) throws(OperatorFault) {
        var traces: [[TraceLine]] = []
        for file in files {
            let text = String(decoding: try readInput(file, atMost: 1 << 30), as: UTF8.self)
            traces.append(try TraceLine.read(text, from: file))
        }
        var places: [Int: Int64] = [:]
        for (name, offset) in offsets {
            guard let place = files.firstIndex(of: name) else {
                throw OperatorFault(
                    "--offset names \(name), which is not one of the traces", hint: "write it as the trace is written")
            }
            let reference = TraceMerge.reference(of: traces)
            guard traces[place].contains(where: { $0.boot ?? reference != reference }) else {
                throw OperatorFault(
                    "--offset of \(name) has no effect: all its lines have the first trace's clock, or do not tell their boot",
                    hint: "leave it out; traces of another machine must be recorded with this version of srup-bench")
            }
            places[place] = offset
        }
        self.init(traces, offsets: places)
    }

    private mutating func sortAndName() {
        // Lines with equal times keep their order in the files.
        lines = lines.enumerated().sorted {
            ($0.element.atMicroseconds, $0.offset) < ($1.element.atMicroseconds, $1.offset)
        }.map(\.element)
        var devices: [String: String] = [:]
        for line in lines { if let token = line.token, let device = line.device { devices[token] = device } }
        for index in lines.indices where lines[index].device == nil {
            lines[index].device = lines[index].token.flatMap { devices[$0] }
        }
    }

    /// Each message once: what both ends have recorded stands where it was sent, with the reason if its receiver has refused it.
    /// - Parameter device: only of this device's joins; nil: everything.
    public func lines(of device: Identifier?) -> [TraceLine] {
        var (seen, received): ([MessageKey: (sent: Int, received: Int)], [MessageKey: [TraceLine]]) = ([:], [:])
        for line in lines where line.isSent == false { received[MessageKey(line), default: []].append(line) }
        var sent: [MessageKey: Int] = [:]
        for line in lines where line.isSent == true { sent[MessageKey(line), default: 0] += 1 }
        return lines.compactMap { line -> TraceLine? in
            if let device, line.device != device.description { return nil }
            guard line.via == .mqtt, let isSent = line.isSent else { return line }
            let key = MessageKey(line)
            let count = seen[key, default: (0, 0)]
            if isSent {
                seen[key] = (count.sent + 1, count.received)
                var line = line
                let arrivals = received[key] ?? []
                if arrivals.indices.contains(count.sent) { line.refused = arrivals[count.sent].refused }
                return line
            }
            seen[key] = (count.sent, count.received + 1)
            return count.received < sent[key] ?? 0 ? nil : line
        }
    }
}

/// What makes two lines the same message: its bytes, which a signature covers. A message that is published twice has two lines at each end.
struct MessageKey: Hashable {
    private let name: String
    private let sequence: String?
    private let token: String?
    private let frame: String?

    init(_ line: TraceLine) {
        (name, sequence, token, frame) = (line.name, line.sequence, line.token, line.frameHex)
    }
}
