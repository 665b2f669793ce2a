import SRUP

/// What a server wants us to fetch (§3.2): only its form is checked. The shell decides whether the address may be used.
public struct UpdateOrder: Equatable, Sendable {
    /// Longer addresses are refused: no update needs one.
    public static let maximumURL = 2_048

    /// The address, as the server wrote it, without the NUL that the reference puts at its end. At most 2,048 bytes.
    public let url: String
    /// SHA-256 of the file: 32 bytes.
    public let digest: [UInt8]

    /// An order of these parts; nil if the digest is not 32 bytes or the address too long.
    public init?(url: String, digest: [UInt8]) {
        guard digest.count == 32, (1...UpdateOrder.maximumURL).contains(url.utf8.count) else { return nil }
        (self.url, self.digest) = (url, digest)
    }

    /// What INITIATE says; otherwise the status for the server: *server* for an invalid address, *digest* for an invalid
    /// digest.
    static func read(url: Octets, digest: Octets) -> (order: UpdateOrder?, status: Status) {
        guard let place = url.terminatedText, (1...maximumURL).contains(place.utf8.count) else {
            return (nil, .updateFailServer)
        }
        guard let digits = digest.terminatedText, let bytes = bytes(hexadecimal: digits.utf8) else {
            return (nil, .updateFailDigest)
        }
        return (UpdateOrder(url: place, digest: bytes), .updateFailDigest)
    }
}

/// The current update. There is one program here, so there is one update, whichever server orders it.
///
///     INITIATE ──▶ fetching ──┬── FC, FD, FE, FF ─────────────────▶ answered
///                             └── 00 ──▶ fetched ── ACTIVATE ──▶ activating ── 10, 1F ──▶ answered
public struct Update: Equatable, Sendable {
    /// The state of the update.
    public enum Phase: Hashable, Sendable {
        /// The file is being fetched and checked.
        case fetching
        /// The file is here and is what the server announced; it holds this version.
        case fetched(version: String)
        /// The file has been handed to the updater; nobody is told until the version runs, or another does.
        case activating(version: String)
        /// Over: the same question gets the same answer.
        case answered(Status)
    }

    /// Who ordered it, under which token: ACTIVATE must carry the same.
    public let exchange: RequestID
    /// What was ordered.
    public let order: UpdateOrder
    /// The state of the update.
    public var phase: Phase

    /// An update that is so far.
    public init(exchange: RequestID, order: UpdateOrder, phase: Phase) {
        (self.exchange, self.order, self.phase) = (exchange, order, phase)
    }
}

/// The answer to an ACTIVATE: nothing that comes under its token later may contradict it.
public struct Activation: Equatable, Sendable {
    /// How many are kept, the newest ones: servers use a token for one update, and ask again soon.
    public static let mostKept = 64

    /// Who asked, under which token.
    public let exchange: RequestID
    /// *success* or *failed*.
    public let status: Status

    /// An answer.
    public init(exchange: RequestID, status: Status) { (self.exchange, self.status) = (exchange, status) }
}

/// The outcome of a fetch.
public enum Fetched: Equatable, Sendable {
    /// Bytes of a web server's reply that go on to the C2 server at most.
    public static let maximumContents = 1_024

    /// The file is here, has the digest, and holds this version.
    case verified(version: String)
    /// The web server has answered with an error: its status, and the first 1,024 bytes of what it said (§3.7).
    case httpError(status: UInt32, contents: [UInt8])
    /// The web server could not be reached, broke the transfer off, or was not the one that its certificate must name.
    case noServer
    /// The file could not be stored, is too large, is not accepted by the updater, or holds an older version.
    case noFile
    /// The file is not the one announced.
    case otherDigest

    var status: Status {
        switch self {
        case .verified: .updateSuccess
        case .httpError: .updateFailHTTPError
        case .noServer: .updateFailServer
        case .noFile: .updateFailFile
        case .otherDigest: .updateFailDigest
        }
    }
}

// Update over SRUP: the paper's §3.2 and §3.7.
extension Observer {
    /// INITIATE. Without an updater no file is usable, and the server is told so (§3.2 has no status for it). A server's newest order takes
    /// the place of its older one; another server's waits until the fetching is over, and what waits for ACTIVATE makes room.
    mutating func initiate(_ exchange: RequestID, url: Octets, digest: Octets) -> [Effect] {
        guard hasUpdater else { return decline(exchange, .updateFailFile) }
        let (read, status) = UpdateOrder.read(url: url, digest: digest)
        guard let order = read else { return decline(exchange, status) }
        if let last = activation(of: exchange) {
            // It has had its last answer; a new update needs a new token.
            let isInForce = last.status == .activateSuccess && update?.exchange == exchange && update?.order == order
            return decline(exchange, isInForce ? .updateSuccess : .updateFailFile)
        }
        guard let current = update else { return begin(exchange, order) }
        switch current.phase {
        case .answered: return begin(exchange, order)
        case .activating where current.exchange == exchange: return [.report(.update(current))]
        case .activating: return decline(exchange, .updateFailFile)
        case .fetching, .fetched:
            guard current.exchange != exchange || current.order != order else {
                if case .fetching = current.phase { return [.report(.update(current))] }
                return [respond(exchange, .updateSuccess), .report(.update(current))]
            }
            guard case .fetching = current.phase else { return begin(exchange, order) }
            guard current.exchange.server == exchange.server else { return decline(exchange, .updateFailFile) }
            // The answer to the older one must not be taken for one to the newer.
            let isSameQuestion = current.exchange == exchange
            return (isSameQuestion ? [] : decline(current.exchange, .updateFailFile)) + begin(exchange, order)
        }
    }

    private mutating func begin(_ exchange: RequestID, _ order: UpdateOrder) -> [Effect] {
        let update = Update(exchange: exchange, order: order, phase: .fetching)
        self.update = update
        return [.record(.update(update)), .fetch(update), .report(.update(update))]
    }

    private mutating func decline(_ exchange: RequestID, _ status: Status) -> [Effect] {
        [respond(exchange, status), .report(.updateDeclined(exchange, status))]
    }

    /// The answer to `Effect.fetch`. One that comes for an order which is not the present one changes nothing.
    mutating func take(_ fetched: Fetched, _ exchange: RequestID) -> [Effect] {
        guard let update, update.exchange == exchange, update.phase == .fetching else { return [] }
        var details: [Effect] = []
        let takesData = terms[exchange.server, default: ServerPermissions()].takesData
        if case .httpError(let status, let contents) = fetched, takesData {
            let number = (0..<4).map { UInt8(truncatingIfNeeded: status >> (8 * $0)) }
            for (id, data) in [
                (DataID.updateHTTPStatus, number), (.updateHTTPContents, contents.prefix(Fetched.maximumContents) + []),
            ] {
                details.append(send(.data(id: id.octets, data: Octets(data)), exchange.token, to: exchange.server))
            }
        }
        if case .verified(let version) = fetched {
            return advance(to: .fetched(version: version)) + [respond(exchange, .updateSuccess)]
        }
        return advance(to: .answered(fetched.status)) + details + [respond(exchange, fetched.status)]
    }

    private mutating func advance(to phase: Update.Phase) -> [Effect] {
        guard var advanced = update else { return [] }
        advanced.phase = phase
        update = advanced
        return [.record(.update(advanced)), .report(.update(advanced))]
    }

    /// ACTIVATE: only for a fetched update, and under the token that it was ordered with.
    mutating func activate(_ exchange: RequestID) -> [Effect] {
        if let last = activation(of: exchange) { return decline(exchange, last.status) }
        guard let update, update.exchange == exchange else { return refuseActivation(exchange) }
        switch update.phase {
        // Too early: the answer to INITIATE is still to come, and another ACTIVATE must follow it.
        case .fetching: return [.report(.update(update))]
        case .fetched(let version):
            var activating = update
            activating.phase = .activating(version: version)
            return advance(to: activating.phase) + [.install(activating)]
        case .activating: return [.report(.update(update))]
        case .answered: return refuseActivation(exchange)
        }
    }

    /// Nothing was fetched under this token, and nothing will be after this answer.
    private mutating func refuseActivation(_ exchange: RequestID) -> [Effect] {
        [conclude(exchange, .activateFail)] + decline(exchange, .activateFail)
    }

    private mutating func conclude(_ exchange: RequestID, _ status: Status) -> Effect {
        let activation = Activation(exchange: exchange, status: status)
        activations = activations.suffix(Activation.mostKept - 1) + [activation]
        return .record(.activation(activation))
    }

    private func activation(of exchange: RequestID) -> Activation? { activations.first { $0.exchange == exchange } }

    /// The answer to `Effect.install` and `Effect.confirm`.
    mutating func activated(_ exchange: RequestID, done: Bool) -> [Effect] {
        guard let update, update.exchange == exchange, case .activating = update.phase else { return [] }
        let status: Status = done ? .activateSuccess : .activateFail
        return [conclude(exchange, status)] + advance(to: .answered(status)) + [respond(exchange, status)]
    }

    /// A server that has ended our membership updates nothing any more. An activation in progress continues, because it
    /// cannot be half done.
    mutating func dropUpdate(where isTheirs: (RequestID) -> Bool) -> [Effect] {
        guard let update, isTheirs(update.exchange) else { return [] }
        switch update.phase {
        case .activating, .answered: return []
        case .fetching, .fetched:
            self.update = nil
            return [.record(.update(nil)), .discardUpdate]
        }
    }

    /// What is left to do of an update that the journal holds.
    func takeUp(_ update: Update) -> [Effect] {
        switch update.phase {
        case .fetching: [.fetch(update)]
        case .activating: [.confirm(update)]
        case .fetched, .answered: []
        }
    }
}
