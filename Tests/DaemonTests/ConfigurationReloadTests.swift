import Testing

@testable import Daemon

@Suite("A change of a key in the configuration")
struct ConfigurationReloadTests {
    @Test("needs a restart, or only a reload, as the manual page and the operator's guide say")
    func restart() throws {
        var whole: [String] = []
        var single: [String] = []
        for (section, keys) in Configuration.keys {
            let waiting = keys.filter { $0.change != .reload }.map(\.name)
            if waiting.count == keys.count {
                whole.append("[\(section)]")
            } else if !waiting.isEmpty {
                let list = waiting.dropLast().joined(separator: ", ")
                single.append("in [\(section)], \(list)\(list.isEmpty ? "" : " and ")\(waiting[waiting.count - 1])")
            }
        }
        let sentence =
            "Changes to \(whole.joined(separator: ", ")) and, \(single.joined(separator: " and ")) need a restart"
        for file in ["docs/operations.md", "docs/srup-beacon.conf"] {
            let words = try Settings.project(file).replacing("`", with: "").split { $0.isWhitespace || $0 == ";" }
            let isSaid = words.joined(separator: " ").contains(sentence)
            #expect(isSaid, "\(file) does not say: \(sentence)")
        }
        #expect(Configuration.serverKeys.allSatisfy { $0.change == .reload }, "a server is replaced as a whole")
    }

    /// Every key of the table: one that a reload forgot would be changed in the file and nowhere else.
    @Test("is applied by a reload, or named as waiting for a restart", arguments: Key.all)
    func reload(key: Key) throws {
        let old = try Settings.configuration(Settings.good.joined(separator: "\n"))
        for (value, meaning) in key.good where key.read(old) != meaning {
            let new = try Settings.configuration(Settings.with(key.section, key.name, value).text)
            #expect(new != old, "\(value)")
            var running = old
            running.reload(from: new)
            let waiting = new.differencesThatNeedARestart(from: old)
            #expect(key.read(running) == (waiting.isEmpty ? meaning : key.read(old)), "\(value)")
            #expect(new.differencesThatNeedARestart(from: running) == waiting)
        }
    }
}
