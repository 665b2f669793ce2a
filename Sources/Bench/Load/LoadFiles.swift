// What other programs read of a load: CSV with a row for each join, and JSON with the totals.

import FoundationEssentials
import ProofLink
import SRUP

extension LoadReport {
    /// The columns of `csv`. Times are microseconds; those of joins since the first one's begin.
    static let columns =
        ["number", "device", "behaviour", "mode", "transport", "end", "expected", "links", "planned_us", "began_us"]
        + ["ended_us", "token"] + LoadStep.ofJoin.map { "\($0.rawValue)_us" }

    /// A row for each join, in the order in which they ended, below a row with the names of the columns. A step that was not completed is
    /// empty. RFC 4180, with line feeds.
    public var csv: String {
        let rows = results.map { result in
            let planned = result.planned
            let fields =
                [
                    "\(planned.number)", "\(result.device)", planned.behaviour.rawValue, planned.mode.description,
                    transport.rawValue, result.end.rawValue, planned.behaviour.expected.rawValue, "\(result.links)",
                    "\(planned.at.wholeMicroseconds)", "\(result.began.wholeMicroseconds)",
                    "\(result.ended.wholeMicroseconds)", result.token,
                ] + LoadStep.ofJoin.map { step in result.times[step].map { "\($0.wholeMicroseconds)" } ?? "" }
            return fields.map(LoadReport.quoted).joined(separator: ",")
        }
        return ([LoadReport.columns.joined(separator: ",")] + rows).joined(separator: "\n") + "\n"
    }

    /// A token may hold any printable character.
    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { ",\"\n\r".contains($0) }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }

    private struct Totals: Encodable {
        struct Behaviour: Encodable {
            let planned, ended, asExpected: Int

            enum CodingKeys: String, CodingKey {
                case planned, ended
                case asExpected = "as_expected"
            }
        }

        let devices, joins, ended, unexpected, lost: Int
        let seed: UInt64
        let pace, transport: String
        let modes: [String]
        let isComplete: Bool
        let elapsed, processor, rate: Double
        let ends: [String: Int]
        let linkEnds: [String: Int]
        let behaviours: [String: Behaviour]
        let steps: [String: Quantiles]
        let delay: Quantiles?

        enum CodingKeys: String, CodingKey {
            case devices, joins, ended, unexpected, seed, pace, transport, modes, ends, behaviours
            case lost = "connections_lost"
            case linkEnds = "link_ends"
            case isComplete = "complete"
            case elapsed = "elapsed_s"
            case processor = "processor_s"
            case rate = "joins_per_second"
            case steps = "steps_us"
            case delay = "late_us"
        }
    }

    /// The totals, and the quantiles of each step, as one JSON object on several lines. Times are microseconds.
    public var json: String {
        let behaviours = LoadBehaviour.allCases.filter { plan.count($0) > 0 }.map { behaviour in
            let ended = results.filter { $0.planned.behaviour == behaviour && $0.end != .interrupted }
            return (
                behaviour.rawValue,
                Totals.Behaviour(
                    planned: plan.count(behaviour), ended: ended.count, asExpected: ended.count { $0.isAsExpected })
            )
        }
        let totals = Totals(
            devices: plan.settings.devices, joins: plan.joins.count, ended: results.count - count(.interrupted),
            unexpected: unexpected, lost: lost, seed: plan.settings.seed, pace: pace, transport: transport.rawValue,
            modes: plan.settings.modes.map(\.description), isComplete: isComplete, elapsed: elapsed.inSeconds,
            processor: processor.inSeconds, rate: rate,
            ends: Dictionary(uniqueKeysWithValues: LoadEnd.allCases.map { ($0.rawValue, count($0)) }),
            linkEnds: linkEnds, behaviours: Dictionary(uniqueKeysWithValues: behaviours),
            steps: Dictionary(uniqueKeysWithValues: steps.map { ($0.key.rawValue, $0.value) }), delay: delay)
        return LoadReport.text(totals)
    }

    fileprivate static func text(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        guard let data = try? encoder.encode(value) else { preconditionFailure("text and numbers are JSON") }
        return String(decoding: data, as: UTF8.self)
    }
}

extension ReplayReport {
    /// Each link and the totals, as one JSON object on several lines.
    public var json: String {
        struct Totals: Encodable { let accepted, unplayed, skipped: Int, links: [PlayedLink] }
        return LoadReport.text(Totals(accepted: accepted, unplayed: unplayed, skipped: skipped, links: links))
    }
}
