import Broker
import Daemon
import Enrolling
import Keys
import OperatorText
import SRUP

// The beacon's peers: brokers, the registration service, its servers.
extension Doctor {
    /// Name, TCP, TLS with the certificate's time, CONNACK with the subscription, and what the access lists leave open. Where
    /// one fails, those behind it are not tried.
    func broker(_ broker: BrokerAddress, _ configuration: Configuration) -> [CheckResult] {
        var findings: [CheckResult] = []
        let name = broker.description
        func bad(_ check: String, _ fault: BrokerFault) {
            findings.append(.init(check, .bad, name, fault.message, do: fault.hint(for: .beacon)))
        }
        do throws(BrokerFault) {
            findings.append(
                .init("broker: name", .good, broker.host, try broker.numericHosts().joined(separator: ", ")))
        } catch {
            bad("broker: name", error)
            return findings
        }
        do throws(BrokerFault) {
            let address = try broker.reach()
            findings.append(.init("broker: TCP", .good, name, "takes connections at \(address)"))
        } catch {
            bad("broker: TCP", error)
            return findings
        }
        guard !Doctor.isCredential(configuration.tls.key) else {
            let state = status.map { "the beacon says: \($0.broker.state.rawValue)" } ?? "no beacon runs"
            return findings + [.init("broker: TLS", .skipped, name, "our key is the service's credential; \(state)")]
        }
        do throws(BrokerFault) {
            let shaken = try broker.shakeHands(configuration.tls)
            findings.append(.init("broker: TLS", .good, name, shaken.version))
            findings.append(Doctor.validity("broker's cert.", name, shaken.notBefore, shaken.notAfter))
        } catch {
            bad("broker: TLS", error)
            return findings
        }
        guard visits else { return findings + [.init("broker: MQTT", .skipped, name, "not visited")] }
        let topic = Topic.of(device: configuration.identity)
        do throws(BrokerFault) {
            let client = configuration.mqttClientID + "-doctor"
            try BrokerLink.visit(broker, clientID: client, tls: configuration.tls, topics: [topic])
            findings.append(.init("broker: MQTT", .good, name, "accepts us, and lets us subscribe to \(topic)"))
        } catch {
            return findings + [visitFailed(error, broker, configuration)]
        }
        let (others, closes) = others(broker, configuration)
        return findings + [others, publishing(broker, configuration, closes: closes)]
    }

    /// Whether a client like us can write to, and read, a topic that is not its own: then another can write to ours. What is
    /// sent is one byte, which is not an SRUP message, to an unused identity. MQTT 3.1.1 cannot report a refused PUBLISH: if
    /// we do not receive it and stay connected, it may have been accepted anyway.
    /// - Returns: also whether the broker ends the connection for a refusal.
    private func others(_ broker: BrokerAddress, _ configuration: Configuration) -> (CheckResult, closes: Bool) {
        let nobody = Identifier.random()
        let topic = Topic.of(device: nobody)
        func visit(_ topics: [String]) throws(BrokerFault) -> BrokerLink.Echo {
            try BrokerLink.visit(
                broker, clientID: configuration.mqttClientID + "-doctor", tls: configuration.tls, topics: topics,
                publishingTo: topic)
        }
        do throws(BrokerFault) {
            var closes = false
            let echo: BrokerLink.Echo
            do throws(BrokerFault) {
                echo = try visit([topic])
            } catch {
                guard error.deniesSubscription else { throw error }
                if case .closedAtSubscribing = error { closes = true }
                echo = try visit([])
            }
            let found = "broker: ACL"
            switch echo {
            case .heard:
                return (
                    .init(
                        found, .warning, topic, "we can publish to another's topic, so others can to ours, and read it",
                        do: BrokerEngines(
                            user: configuration.identity.topicForm, client: configuration.mqttClientID
                        ).closing), closes
                )
            case .ended:
                return (
                    .init(
                        found, .good, topic,
                        "the broker ends the connection of a client that publishes to another's topic, as RabbitMQ does"
                    ),
                    true
                )
            case .none:
                return (
                    .init(
                        found, .skipped, topic,
                        "we cannot read another's topic; whether we can write to it, and so others to ours, cannot be seen from here",
                        do: "compare the broker's access list with docs/registry.md"), closes
                )
            }
        } catch {
            return (.init("broker: ACL", .skipped, topic, error.message), false)
        }
    }

    func registry(_ configuration: Configuration) -> [CheckResult] {
        guard let folder = CredentialFolder(managing: configuration) else {
            return [.init("registration", .skipped, configuration.keyFile, "these files are not an enrolment's")]
        }
        do {
            let service = try Renewal.service(in: folder)
            let client = try (service.asking ?? RegistrationOptions()).client(
                for: service.address, authorityFile: service.authorityFile)
            let name = try Registry(client, at: service.address).activeName()
            return [.init("registration", .good, "\(service.address)", "the service is active: \(name)")]
        } catch let error as any OperatorError {
            // A beacon works without it until its certificate ends.
            return [.init("registration", .warning, folder.record, error.message, do: error.hint(for: .beacon))]
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// What the running beacon says of its attempts to renew the certificate.
    func renewal() -> [CheckResult] {
        guard let trouble = status?.certificate.trouble else { return [] }
        return [.init("renewal", .warning, "certificate", trouble, do: StatusReport.CertificateState.hint)]
    }

    /// A server whose messages do not name their recipient takes every answer on our topic for one to itself
    /// (docs/threat-model.md). Next to other servers that is refused, unless the configuration says that it is accepted.
    static func shared(_ configuration: Configuration) -> [CheckResult] {
        let servers = configuration.servers.filter { !$0.value.terms.isAddressedToUs }.keys.sorted {
            $0.number < $1.number
        }
        guard configuration.servers.count > 1 else { return [] }
        return servers.map { server in
            .init(
                "sharing", .warning, "server \(server.topicForm)",
                "recipient = broker, and \(configuration.servers.count) servers share this beacon: it may take a verdict for "
                    + "another server as its own, and lose its own",
                do: "give it a beacon of its own, or set recipient = token if its tokens name their parties")
        }
    }

    func memberships(_ configuration: Configuration) -> [CheckResult] {
        guard let status else {
            return [.init("membership", .skipped, configuration.stateFolder, "no beacon runs")]
        }
        return status.servers.map { server in
            if let setAside = server.setAside {
                return .init("membership", .bad, "server \(server.id)", setAside.fault, do: setAside.hint)
            }
            let isMember = server.membership == .known(.member)
            return .init(
                "membership", isMember ? .good : .warning, "server \(server.id)",
                server.membership.rawValue + (server.paused == true ? ", paused by it" : "")
                    + (server.silence.map { ", and it does not answer: \($0)" } ?? ""),
                do: isMember ? nil : "srup-beacon explain \(server.id)")
        }
    }
}
