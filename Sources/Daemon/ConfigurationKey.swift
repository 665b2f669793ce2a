/// One key of the configuration: where it stands, what it sets, its valid values, and what a change of it needs.
///
/// Reading the file, `==`, what a reload applies and what it leaves for a restart all follow from the table of these
/// (`ConfigurationKeys.swift`).
struct ConfigurationKey<Root: Sendable>: Sendable {
    /// What makes a change take effect.
    enum Change: Equatable, Sendable {
        case reload
        /// The part of the configuration that the log names then.
        case restart(String)
    }

    /// `identity` in `[beacon] identity`.
    let name: String
    let change: Change
    /// Whether a configuration without it is refused.
    let isRequired: Bool
    /// Sets it to the value of a setting, if that is valid.
    let set: @Sendable (inout Root, Setting) throws(BadSetting) -> Void
    /// Whether two configurations have the same value for it.
    let isSame: @Sendable (Root, Root) -> Bool
    /// Copies the value from another configuration.
    let copy: @Sendable (_ from: Root, inout Root) -> Void
    /// The value as a file has it, the same for equal values; nil: it has none, and no line can say so.
    let text: @Sendable (Root) -> String?

    init<Value: Equatable & Sendable & SettingText>(
        _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ change: Change = .reload,
        isRequired: Bool = false, _ read: @escaping @Sendable (Setting) throws(BadSetting) -> Value
    ) {
        self.init(name, path, change, isRequired: isRequired, text: { $0[keyPath: path].settingText }, read)
    }

    /// - Parameter text: see the property.
    init<Value: Equatable & Sendable>(
        _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ change: Change = .reload,
        isRequired: Bool = false, text: @escaping @Sendable (Root) -> String?,
        _ read: @escaping @Sendable (Setting) throws(BadSetting) -> Value
    ) {
        self.text = text
        (self.name, self.change, self.isRequired) = (name, change, isRequired)
        set = { (root, setting) throws(BadSetting) in root[keyPath: path] = try read(setting) }
        isSame = { $0[keyPath: path] == $1[keyPath: path] }
        copy = { $1[keyPath: path] = $0[keyPath: path] }
    }
}

extension Configuration {
    typealias Key = ConfigurationKey<Configuration>
    typealias ServerKey = ConfigurationKey<Server>

    mutating func set(_ setting: Setting) throws(BadSetting) {
        if setting.section.hasPrefix("server ") { return try setServer(setting) }
        guard let keys = Configuration.keys.first(where: { $0.section == setting.section })?.keys else {
            let sections = Configuration.keys.map { "[\($0.section)]" } + ["[server ID]"]
            throw BadSetting(
                message: "\(setting.name) is not a setting",
                hint:
                    "the sections are \(sections.dropLast().joined(separator: ", ")) and \(sections[sections.count - 1])"
            )
        }
        guard let key = keys.first(where: { $0.name == setting.key }) else {
            throw BadSetting(
                message: "\(setting.name) is not a setting",
                hint: "[\(setting.section)] has " + keys.map(\.name).sorted().joined(separator: ", "))
        }
        try key.set(&self, setting)
    }

    private mutating func setServer(_ setting: Setting) throws(BadSetting) {
        guard let server = setting.server, server.number >= 0x10 else {
            throw BadSetting(
                message: "[\(setting.section)] does not name a server",
                hint: "write [server ID] with 1 to 16 hexadecimal digits, 10 or above")
        }
        guard let key = Configuration.serverKeys.first(where: { $0.name == setting.key }) else {
            throw BadSetting(
                message: "\(setting.name) is not a setting",
                hint: "a server has " + Configuration.serverKeys.map(\.name).joined(separator: ", "))
        }
        try key.set(&servers[server, default: Server()], setting)
    }

    /// The required keys that have no value, as a fault names them.
    var missingKeys: [String] {
        Configuration.keys.flatMap { section, keys in
            keys.filter { $0.isRequired && $0.isSame(self, Configuration()) }.map { "[\(section)] \($0.name)" }
        }
    }

    /// The same for one server.
    static func missingKeys(of server: Server) -> [String] {
        serverKeys.filter { $0.isRequired && $0.isSame(server, Server()) }.map(\.name)
    }

    /// Applies from another configuration what can be changed while the beacon runs: all but what needs a restart.
    mutating func reload(from new: Configuration) {
        for key in Configuration.keys.flatMap(\.keys) where key.change == .reload { key.copy(new, &self) }
        servers = new.servers
    }

    /// What cannot be changed without a restart, as far as it differs from another configuration.
    func differencesThatNeedARestart(from other: Configuration) -> [String] {
        var parts: [String] = []
        for key in Configuration.keys.flatMap(\.keys) where !key.isSame(self, other) {
            if case .restart(let part) = key.change, !parts.contains(part) { parts.append(part) }
        }
        return parts
    }

    /// Equal settings.
    public static func == (left: Configuration, right: Configuration) -> Bool {
        keys.flatMap(\.keys).allSatisfy { $0.isSame(left, right) } && left.servers == right.servers
    }
}
