import SQLite
import SRUP

// A staged update in the state file: it goes on after a restart.
extension C2Store {
    /// - Throws: SQLite's errors, or that an entry is not valid.
    func loadStaged() throws -> StagedUpdate? {
        guard let row = try database.rows("SELECT url, digest, percent, phase, stage FROM staged").first else {
            return nil
        }
        let nodes = try database.rows("SELECT node, progress, reason, token FROM staged_nodes ORDER BY place")
        var update = StagedUpdate(
            url: row.text(0) ?? "", digest: row.blob(1), percent: Int(row.integer(2)),
            nodes: nodes.map { Identifier($0.unsigned(0)) })
        guard let phase = StagedUpdate.Phase(rawValue: row.text(3) ?? "") else {
            throw C2Store.notUnderstood("the staged update")
        }
        (update.phase, update.stage) = (phase, Int(row.integer(4)))
        for (node, row) in zip(update.nodes, nodes) {
            guard let progress = StagedUpdate.Progress(name: row.text(1) ?? "", reason: row.text(2) ?? "") else {
                throw C2Store.notUnderstood("the staged update of \(node)")
            }
            update.progress[node] = progress
            update.tokens[node] = row.isNull(3) ? nil : Token(row.blob(3))
        }
        return update
    }

    func write(_ staged: StagedUpdate?) throws {
        guard staged != kept.staged else { return }
        let isSame = staged?.nodes == kept.staged?.nodes
        if !isSame { try database.run("DELETE FROM staged_nodes") }
        try database.run("DELETE FROM staged")
        guard let staged else { return }
        try database.run(
            "INSERT INTO staged VALUES (1, ?, ?, ?, ?, ?)", .text(staged.url), .blob(staged.digest),
            .integer(Int64(staged.percent)), .text(staged.phase.rawValue), .integer(Int64(staged.stage)))
        for (place, node) in staged.nodes.enumerated() {
            let (progress, token) = (staged.progress[node] ?? .waiting, staged.tokens[node])
            guard !isSame || progress != kept.staged?.progress[node] || token != kept.staged?.tokens[node] else {
                continue
            }
            try database.run(
                "INSERT OR REPLACE INTO staged_nodes VALUES (?, ?, ?, ?, ?)", .integer(Int64(place)),
                .unsigned(node.number), .text(progress.name), progress.reason.map { .text($0) } ?? .null,
                token.map { .blob($0.bytes) } ?? .null)
        }
    }
}

extension StagedUpdate.Progress {
    /// As stored in the state file, and as the console names it.
    var name: String {
        switch self {
        case .waiting: "waiting"
        case .fetching: "fetching"
        case .fetched: "fetched"
        case .activating: "activating"
        case .updated: "updated"
        case .failed: "failed"
        case .leftOut: "left out"
        }
    }

    /// Why it has failed.
    var reason: String? {
        switch self {
        case .failed(let reason), .leftOut(let reason): reason
        case .waiting, .fetching, .fetched, .activating, .updated: nil
        }
    }

    /// nil if there is no such name.
    init?(name: String, reason: String) {
        let all: [StagedUpdate.Progress] = [
            .waiting, .fetching, .fetched, .activating, .updated, .failed(reason), .leftOut(reason),
        ]
        guard let one = all.first(where: { $0.name == name }) else { return nil }
        self = one
    }
}
