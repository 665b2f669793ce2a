import Keys
import OperatorText
import SRUP

extension Enrolment.Step {
    /// The message for the operator; nil if the step is not reported.
    public var message: String? {
        switch self {
        case .step, .accessKey: nil
        case .identity(let identity, let isNew):
            isNew ? "chose the identity \(identity.topicForm)" : "continuing as \(identity.topicForm)"
        case .key(let path, .file, isNew: true): "the identity key is \(path)"
        case .key(let path, let home, isNew: true): "took the identity key of \(path): it is \(home)"
        case .key(_, _, isNew: false): nil
        case .registered(let broker, let server): "registered: broker \(broker), server \(server.topicForm)"
        case .validated(serviceProved: true):
            "validated: the service has confirmed that the key is ours, and has proved its own"
        case .validated(serviceProved: false):
            "validated: the service has confirmed that the key is ours; it does not publish its own, so only TLS authenticates it"
        case .kept(let count):
            "kept \(count) CA \(count == 1 ? "certificate" : "certificates") in ca.pem that did not come from the registration service"
        case .trusted: "the registration service's own CA certificates have changed: the new ones are stored"
        case .distrusted(let why):
            "the registration service cannot be reached with the CA certificates that it gave, so the old ones stay: \(why)"
        case .certified(let end): "the broker's client certificate lasts until \(Timestamp(end))"
        case .clock(let begin, let end):
            "by this machine's clock the certificate is not valid: it lasts from \(Timestamp(begin)) to \(Timestamp(end)); check: date"
        }
    }
}
