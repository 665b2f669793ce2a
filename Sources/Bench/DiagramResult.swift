// Which messages report a success and which do not: refused and invalid must not look like success.

import ProofLink
import SRUP

extension Diagram.Result {
    /// A closed list: a result that is not on it is drawn as a failure.
    private static let successes: Set<String> = Set(
        Status.Name.allCases.filter(\.isSuccess).map { Status($0).description }
            + Outcome.allCases.filter(\.isSuccess).map(\.description))

    /// Only these messages carry a result, in their details.
    private static let carriers: Set<String> = [MessageType.response.name, LinkFrame.outcomeName]

    init(_ line: TraceLine) {
        if line.refused != nil {
            self = .refused
        } else if Diagram.Result.carriers.contains(line.name) {
            self = Diagram.Result.successes.contains(Diagram.withoutNode(line.detail ?? "")) ? .success : .failure
        } else {
            self = .none
        }
    }
}

extension Diagram {
    /// Words of a failure that are written in capitals, so that they are visible without colour as well.
    private static let bad: Set<String> = [
        "invalid", "refused", "failed", "fail", "unknown", "busy", "malformed", "too", "far",
    ]

    /// The text of a failure, with its keywords in capitals. Without a keyword, it begins with FAILURE.
    static func emphasised(_ words: String) -> String {
        var found = false
        let emphasised = words.split(separator: " ", omittingEmptySubsequences: false).map { word in
            guard bad.contains(String(word.last == ":" ? word.dropLast() : word)) else { return String(word) }
            found = true
            return word.uppercased()
        }.joined(separator: " ")
        return found ? emphasised : "FAILURE: \(words)"
    }

    /// Details without the node that the console puts before them, where one lifeline stands for many nodes.
    fileprivate static func withoutNode(_ detail: String) -> String {
        guard let end = detail.firstRange(of: ": "), Identifier(hexadecimal: String(detail[..<end.lowerBound])) != nil,
            detail.distance(from: detail.startIndex, to: end.lowerBound) == 16
        else { return detail }
        return String(detail[end.upperBound...])
    }
}

extension Status.Name {
    /// Whether it reports that what was asked for was done.
    fileprivate var isSuccess: Bool {
        switch self {
        case .updateSuccess, .activateSuccess, .actionSuccess, .joinSuccess, .observedJoinValid, .resignSuccess,
            .deregisterSuccess:
            true
        case .updateFailHTTPError, .updateFailServer, .updateFailFile, .updateFailDigest, .activateFail,
            .actionUnknown, .actionFail, .dataTypeUnknown, .joinRefused, .joinFail, .observedJoinInvalid,
            .observedJoinFail, .resignFail, .deregisterFail:
            false
        }
    }
}

extension Outcome {
    /// Whether the beacon has taken the proof.
    fileprivate var isSuccess: Bool {
        switch self {
        case .valid: true
        case .invalid, .fail, .unknown, .busy, .malformed, .tooFar: false
        }
    }
}
