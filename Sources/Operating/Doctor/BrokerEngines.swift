import Broker
import Daemon
import OperatorText

/// MQTT 3.1.1 does not name the broker's product, but products differ in how they refuse: RabbitMQ closes the connection where others
/// answer. What that means, and what to set in each (tried with mosquitto 2.0.11, RabbitMQ 3.10.8 and NATS 2.9.10; docs/operations.md,
/// "RabbitMQ and NATS").
struct BrokerEngines {
    /// The name in the client certificate, which the access lists know.
    let user: String
    /// The beacon's client id; the doctor and `renew` add to it.
    let client: String

    /// The permissions of RabbitMQ, as commands.
    var rabbit: String {
        let queue = "mqtt-subscription-\(client)(-doctor|-trial)?qos[01]"
        let topics = "^SRUP\\.(\(user)|servers\\.[0-9a-f]+\\.\(user))$"
        return "rabbitmqctl set_permissions \(user) '^\(queue)$' '^(\(queue)|amq\\.topic)$' '^(\(queue)|amq\\.topic)$'"
            + " && rabbitmqctl set_topic_permissions \(user) amq.topic '\(topics)' '^SRUP\\.\(user)$'"
    }

    /// The permissions of NATS, as in its configuration.
    var nats: String {
        "publish: [\"SRUP.\(user)\", \"SRUP.servers.*.\(user)\"], subscribe: [\"SRUP.\(user)\", \"$MQTT.sub.>\"]"
    }

    /// What to do about a fault of the visit; nil: what the fault itself says.
    func hint(for fault: BrokerFault) -> String? {
        switch fault {
        case .closedAtSubscribing:
            return
                "RabbitMQ refuses in this way; its permissions have dots for slashes, and name the queues of the client ids: "
                + rabbit
        case .subscriptionRefused:
            return fault.hint(for: .beacon) + "; for NATS, in the user's permissions: " + nats
        case .refused(code: 4):
            return
                "let the broker know the user \(user): RabbitMQ takes the name from the certificate with mqtt.ssl_cert_login = true "
                + "and ssl_cert_login_from = common_name, and needs: rabbitmqctl add_user \(user)"
        case .refused(code: 5):
            return
                "\(fault.hint(for: .beacon)): \(user); for RabbitMQ: \(rabbit); for NATS: verify_and_map: true in mqtt { tls { } }, "
                + "and a user with the certificate's subject, as in CN=\(user)"
        case .unknownHost, .unreachable, .untrusted, .certificateRefused, .alert, .tls, .refused, .subscriptionLowered,
            .closed, .leftToReturn, .closedAgainAndAgain, .silent, .unacknowledged, .notKept, .excessive, .badFile:
            return nil
        }
    }

    /// Where others can publish to our topic.
    var closing: String {
        "let each client use its own topics only: docs/registry.md has the access list for mosquitto; for RabbitMQ: \(rabbit); for NATS: "
            + nats
    }
}

extension Doctor {
    /// Why the visit of a broker has failed. A beacon that is connected there has the permissions that it needs: then those of the
    /// doctor's own client id are missing.
    func visitFailed(_ fault: BrokerFault, _ broker: BrokerAddress, _ configuration: Configuration) -> CheckResult {
        let engines = BrokerEngines(user: configuration.identity.topicForm, client: configuration.mqttClientID)
        let hint = engines.hint(for: fault) ?? fault.hint(for: .beacon)
        guard fault.deniesSubscription, isConnected(to: broker) else {
            return .init("broker: MQTT", .bad, broker.description, fault.message, do: hint)
        }
        return .init(
            "broker: MQTT", .warning, broker.description,
            "the beacon is connected, but its permissions do not hold for the client id \(engines.client)-doctor: \(fault.message)",
            do: "allow \(engines.client)-trial too, with which renew tries a new certificate: \(hint)")
    }

    private func isConnected(to broker: BrokerAddress) -> Bool {
        status?.broker.state == .connected && status?.broker.address == broker.description
    }

    /// Whether what the beacon publishes is passed on. MQTT 3.1.1 has no answer for a refused PUBLISH.
    /// - Parameter closes: whether the broker closes the connection of a client that publishes where it may not, as RabbitMQ does: a
    ///   beacon notices that, and sets the server aside. mosquitto and NATS acknowledge the message and drop it.
    func publishing(_ broker: BrokerAddress, _ configuration: Configuration, closes: Bool) -> CheckResult {
        let own = configuration.identity.topicForm
        let topics = "SRUP/\(own), SRUP/servers/+/\(own)"
        if closes, isConnected(to: broker), status?.servers.allSatisfy({ $0.setAside == nil }) == true {
            return .init(
                "broker: publish", .good, topics,
                "this broker closes the connection for a refused message, and has taken the beacon's")
        }
        let found =
            closes
            ? "this broker closes the connection for a refused message: a beacon that runs then sets the server aside, and status says so"
            : "whether the broker passes on what this beacon publishes there cannot be seen from here: it may acknowledge a message and drop it"
        return .init(
            "broker: publish", .skipped, topics, found,
            do: "compare the broker's access list with docs/registry.md; the log of NATS has: Publish Violation")
    }
}
