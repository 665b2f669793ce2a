import Logging
import Synchronization

@testable import Daemon

/// Keeps the lines that a component logs.
final class LogRecorder: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        let text: String
        let fields: [String: String]
    }

    private let kept = Mutex<[Line]>([])

    var lines: [Line] { kept.withLock { $0 } }
    var texts: [String] { lines.map(\.text) }

    var logger: Logger { Logger(label: "test") { [self] _ in Handler(recorder: self) } }

    /// The lines since the last call.
    func take() -> [String] {
        kept.withLock { kept in
            defer { kept = [] }
            return kept.map(\.text)
        }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(
                level: event.level, text: event.message.description,
                fields: (event.metadata ?? [:]).mapValues(\.description))
            recorder.kept.withLock { $0.append(line) }
        }
    }
}
