import ArgumentParser
import Arguments
import Daemon
import Operating
import Glibc
import HumanView
import Nearby
import Observing
import OperatorText
import SRUP

/// What the verbs about a server take.
struct ServerOptions: ParsableArguments {
    @OptionGroup var options: ConfigurationOption

    @Argument(
        help: ArgumentHelp(
            "The server's identifier; where the configuration has only one, it need not be given.", valueName: "server")
    )
    var server: Identifier?

    @Option(help: "How long to wait for the server's answer, 1 to 3600 seconds.")
    var seconds = 60

    func validate() throws {
        guard (1...3_600).contains(seconds) else { throw ValidationError("--seconds takes a number from 1 to 3600") }
    }

    func configurationAndServer() throws -> (Configuration, Identifier) {
        let configuration = try Configuration(file: options.config)
        if let server { return (configuration, server) }
        guard configuration.servers.count == 1, let only = configuration.servers.keys.first else {
            throw OperatorFault("the configuration has several servers", hint: "name one: see srup-beacon servers")
        }
        return (configuration, only)
    }

    /// Asks the beacon again and again until the server has answered.
    /// - Parameter isSettled: takes our membership state, and returns whether it is final.
    /// - Throws: `OperatorFault` where the time is up.
    func wait(
        for server: Identifier, of configuration: Configuration, until isSettled: (StandingReport) throws -> Bool
    ) throws {
        var last: StandingReport?
        // A value for a person to compare is gone once the server has decided, which a program may do within moments.
        for _ in 0..<(seconds * 20) {
            let standing = try Order.standing(server, of: configuration)
            if try isSettled(standing) { return }
            last = standing
            usleep(50_000)
        }
        throw OperatorFault(
            "server \(server) has not answered within \(seconds) s (\(last?.membership.rawValue ?? "unknown"))",
            hint: last?.fault ?? "the request goes on; look again: srup-beacon servers")
    }
}

/// `srup-beacon join`
struct Join: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a server to let this beacon join it.",
        discussion: """
            The running beacon asks, in the mode that the configuration sets or in another: simple, confirmed by a person, or \
            observed by another beacon. The request is kept, and asked again, until the server has answered.

            A server that was restarted without its state does not know this beacon, which goes on believing that it is a \
            member. With --again the beacon asks nevertheless: it is not a member until the server has accepted it, and \
            answers none of its requests meanwhile.

            With --human the value that the server has sealed to this beacon is shown here. The server's operator \
            sees the same value there and accepts only if both are the same.

              srup-beacon join
              srup-beacon join c200000000000001 --again
              srup-beacon join c200000000000001 --human
              srup-beacon join c200000000000001 --observed bea2 \\
                --at rfcomm:00:11:22:33:44:55

            Exit status 0: joined; 1: not.
            """)

    @OptionGroup var target: ServerOptions

    @Flag(help: "Ask although this beacon is a member already: for a server that has lost its state.")
    var again = false

    @Flag(help: "Ask simply, whatever the configuration says.")
    var simple = false

    @Flag(help: "Ask for a join that a human moderates.")
    var human = false

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "Show the value in this view, not in the configured one.",
            valueName: "view"))
    var view: HumanView?

    @Option(help: ArgumentHelp("Ask for a join that this other beacon observes.", valueName: "identity"))
    var observed: Identifier?

    @Option(
        help: ArgumentHelp(
            "Where that beacon is near by: rfcomm:ADDR, l2cap:ADDR, le:ADDR or local:PATH.", valueName: "address"))
    var at: NearbyAddress?

    func validate() throws {
        guard [simple, human, observed != nil].filter({ $0 }).count <= 1 else {
            throw ValidationError("give one of --simple, --human and --observed")
        }
        guard view == nil || human else { throw ValidationError("--as goes with --human") }
        guard at == nil || observed != nil else { throw ValidationError("--at goes with --observed") }
    }

    func run() throws {
        try reportingFaults {
            let (configuration, server) = try target.configurationAndServer()
            try Order.join(server, joinMode, at: at, again: again, of: configuration)
            var shown: String?
            try target.wait(for: server, of: configuration) { standing in
                if let value = standing.value, value != shown {
                    shown = value
                    show(value, as: view ?? configuration.servers[server]?.view ?? .words)
                }
                switch standing.membership {
                case .member:
                    say("server \(server): joined")
                    return true
                case .refused:
                    // The server has sealed a value to us, so a person there has looked and refused.
                    throw shown == nil
                        ? OperatorFault(
                            "server \(server) does not let this beacon join", hint: "ask the operator of the server")
                        : OperatorFault(
                            "a person at server \(server) refused this join",
                            hint: "compare the values again, together: srup-beacon join \(server.topicForm) --human")
                case .stranger, .joining, .presenting, .terminated, .resigning, .resigned, .deregistering,
                    .deregistered:
                    return false
                }
            }
        }
    }

    private var joinMode: JoinMode? {
        if simple { return .simple }
        if human { return .human }
        return observed.map { .observed(by: $0) }
    }

    private func show(_ digits: String, as view: HumanView) {
        guard let value = Array(digits.utf8).withUnsafeBytes({ Secret(plainText: $0) }) else { return }
        say("Compare with what the server shows (\(view.title)). Accept there only if all of it is the same:")
        let style = TerminalStyle(isTerminal: isatty(STDOUT_FILENO) == 1) { name in
            getenv(name).map { String(cString: $0) }
        }
        say(view.picture(of: value).terminal(style))
    }
}

/// `srup-beacon resign`
struct Resign: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a server to let this beacon go.",
        discussion: """
            Until the server has agreed, the beacon goes on serving it. Afterwards nothing from it is listened to, until \
            srup-beacon join. Open observations of that server are answered "failed".

            Exit status 0: the server has agreed; 1: not.
            """)

    @OptionGroup var target: ServerOptions

    func run() throws {
        try reportingFaults {
            let (configuration, server) = try target.configurationAndServer()
            try Order.resign(server, of: configuration)
            try target.wait(for: server, of: configuration) { standing in
                switch standing.membership {
                case .resigned:
                    say("server \(server): resigned")
                    return true
                case .member:
                    throw OperatorFault(
                        "server \(server) does not let this beacon resign",
                        hint: "ask the operator of the server; \(Order.askAgain(server))")
                case .terminated:
                    say("server \(server): it did not have this beacon as a member; the membership is over")
                    return true
                case .stranger, .joining, .presenting, .refused, .resigning, .deregistering, .deregistered:
                    return false
                }
            }
        }
    }
}

/// `srup-beacon deregister`
struct Deregister: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give up this beacon's identity permanently.",
        discussion: """
            Asks a server to take this beacon out of the system. When it agrees, the identity key, the access key and the \
            client certificate are destroyed, and the beacon ends: for all its servers. A new identity is made by \
            srup-beacon enrol URL --replace.

            Exit status 0: done; 1: not.
            """)

    @OptionGroup var target: ServerOptions

    @Flag(help: "Yes, destroy the keys. Nothing is done without it.")
    var yes = false

    func run() throws {
        try reportingFaults {
            let (configuration, server) = try target.configurationAndServer()
            guard yes else {
                throw OperatorFault(
                    "this permanently destroys the identity \(configuration.identity)",
                    hint: "if you mean it, add --yes")
            }
            try Order.deregister(server, of: configuration)
            do {
                try target.wait(for: server, of: configuration) { standing in
                    guard [.member, .terminated].contains(standing.membership) else {
                        return standing.membership == .deregistered
                    }
                    throw OperatorFault(
                        "server \(server) does not deregister this beacon",
                        hint: "ask the operator of the server; \(Order.askAgain(server))")
                }
            } catch  where configuration.isDeregistered {
                // The beacon has exited already.
            }
            say("server \(server): deregistered; the keys are destroyed")
        }
    }
}

/// `srup-beacon servers`
struct Servers: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the servers, and where this beacon stands with each.",
        discussion: "Exit status 0: a beacon answered; 1: none did.")

    @OptionGroup var options: ConfigurationOption

    @Flag(help: "Print one JSON array, for machines.")
    var json = false

    func run() throws {
        try reportingFaults {
            let report = try Inquiry.report(try Inquiry.status(try Configuration(file: options.config)))
            guard !json else { return print(try report.serversJSON()) }
            for server in report.servers { print(server.text) }
        }
    }
}
