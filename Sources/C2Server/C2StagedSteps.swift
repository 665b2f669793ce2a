import BootTime
import OperatorText
import SRUP

// Updates in stages: what is sent when, and what stops them.
extension C2 {
    /// Begins a staged update. There is one at a time.
    mutating func stage(_ nodes: [Identifier], _ url: String, _ digest: [UInt8], percent: Int) -> [Effect] {
        if let staged, staged.phase == .running || staged.phase == .stopped {
            return [.say("a staged update is \(staged.phase.rawValue) already; end it first: stage cancel")]
        }
        var seen: Set<Identifier> = []
        let each = nodes.filter { seen.insert($0).inserted }
        guard (1...StagedUpdate.mostNodes).contains(each.count) else {
            return [.say("a staged update takes 1 to \(StagedUpdate.mostNodes) nodes, and these are \(each.count)")]
        }
        staged = StagedUpdate(url: url, digest: digest, percent: percent, nodes: each)
        stagedDeadlines = [:]
        return [.say("staged update of \(each.count) nodes begins, \(staged?.size ?? 0) at a time")] + advanceStages()
    }

    mutating func obey(_ order: StagedOrder) -> [Effect] {
        guard let update = staged else { return [.say("there is no staged update")] }
        switch order {
        case .show:
            return [.say(update.text)]
                + update.failures.prefix(20).map { .say("\($0.node) does not run the new version: \($0.reason)") }
        case .cancel:
            guard update.phase == .running || update.phase == .stopped else { return [.say(update.text)] }
            staged?.phase = .cancelled
            stagedDeadlines = [:]
            return [
                .say("the staged update is cancelled; \(update.count(\.isUnderWay)) nodes have their orders already")
            ]
        case .continue:
            guard update.phase == .stopped else { return [.say(update.text)] }
            for (node, progress) in update.progress {
                if case .failed(let reason) = progress { staged?.progress[node] = .leftOut(reason) }
            }
            staged?.phase = .running
            let ready = update.nodes.filter { update.progress[$0] == .fetched }
            return [.say("the staged update goes on without \(update.failures.count) nodes")]
                + ready.flatMap { activateStaged($0) } + advanceStages()
        }
    }

    /// An answer to INITIATE or ACTIVATE of a node.
    mutating func stagedAnswered(_ node: Identifier, _ token: Token, _ status: Status) -> [Effect] {
        guard let update = staged, update.tokens[node] == token, let progress = update.progress[node] else { return [] }
        switch (progress, status.name) {
        case (.fetching, .updateSuccess):
            stagedDeadlines[node] = nil
            guard update.phase == .running else {
                staged?.progress[node] = .fetched
                return []
            }
            return activateStaged(node)
        case (.activating, .activateSuccess), (.failed, .activateSuccess), (.leftOut, .activateSuccess):
            stagedDeadlines[node] = nil
            staged?.progress[node] = .updated
            return advanceStages()
        // A repeated INITIATE that has crossed the first answer is answered again.
        case (.activating, _) where status.isOfInitiate:
            return []
        case (.fetching, _), (.activating, _):
            return failStaged(node, "\(status)")
        case (.waiting, _), (.fetched, _), (.updated, _), (.failed, _), (.leftOut, _):
            return []
        }
    }

    /// A node cannot be updated any more: it is under way, and has left, or does not answer.
    mutating func failStaged(_ node: Identifier, _ reason: String) -> [Effect] {
        guard let update = staged, update.progress[node]?.isUnderWay == true || update.progress[node] == .fetched else {
            return []
        }
        return stop(at: node, reason)
    }

    /// Those that have not answered in time.
    mutating func tickStages() -> [Effect] {
        stagedDeadlines.filter { $0.value <= now }.keys.sorted { $0.number < $1.number }.flatMap { node in
            failStaged(node, "it has not answered in time")
        }
    }

    /// After a restart each node gets its whole time again: the clock of the earlier run is not known.
    mutating func armStages() {
        for (node, progress) in staged?.progress ?? [:] where progress.isUnderWay { arm(node, progress) }
    }

    private mutating func arm(_ node: Identifier, _ progress: StagedUpdate.Progress) {
        guard staged?.phase == .running || staged?.phase == .stopped else { return }
        let limit = progress == .fetching ? StagedUpdate.fetchLimit : StagedUpdate.activationLimit
        stagedDeadlines[node] = now + limit
    }

    private mutating func stop(at node: Identifier, _ reason: String) -> [Effect] {
        stagedDeadlines[node] = nil
        staged?.progress[node] = .failed(reason)
        let said = Effect.say("\(node) does not run the new version: \(reason)")
        guard staged?.phase == .running else { return [said] }
        staged?.phase = .stopped
        let text = staged?.text ?? ""
        return [said, .say("\(text); order stage continue to go on without it, or stage cancel")]
    }

    private mutating func activateStaged(_ node: Identifier) -> [Effect] {
        guard let token = staged?.tokens[node] else { return [] }
        guard joined.contains(node) else { return stop(at: node, "it is not a member") }
        staged?.progress[node] = .activating
        arm(node, .activating)
        return command(.activate, node, .activate, token)
    }

    /// Begins what may begin now: nodes of this stage, or the next stage.
    private mutating func advanceStages() -> [Effect] {
        var effects: [Effect] = []
        while let update = staged, update.phase == .running {
            var room = StagedUpdate.mostUnderWay - update.count(\.isUnderWay)
            for node in update.current where update.progress[node] == .waiting && room > 0 {
                room -= 1
                effects += initiateStaged(node)
                guard staged?.phase == .running else { return effects }
            }
            guard let begun = staged, begun.current.allSatisfy({ begun.progress[$0]?.isDone == true }) else {
                return effects
            }
            staged?.stage += 1
            let isLast = begun.stage + 1 == begun.stages
            if isLast { staged?.phase = .finished }
            effects.append(.say(isLast ? staged?.text ?? "" : "stage \(begun.stage + 1) of \(begun.stages) is done"))
        }
        return effects
    }

    private mutating func initiateStaged(_ node: Identifier) -> [Effect] {
        guard joined.contains(node), let update = staged else { return stop(at: node, "it is not a member") }
        staged?.progress[node] = .fetching
        arm(node, .fetching)
        let effects = self.update(node, update.url, update.digest)
        staged?.tokens[node] = updates[node]
        return effects
    }
}
