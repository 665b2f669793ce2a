import Foundation
import SystemSupport
import TestVectors
import Testing

/// Scripts/setup on a simulated machine: swift, dpkg-query, apt-get and sudo are scripts of this test.
@Suite("Setting a machine up", .blocking)
struct SetupTests {
    private static let isRoot = geteuid() == 0
    private static let goodSwift = "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'"

    private struct Reply {
        let status: Int32
        let text: String
        /// The calls of apt-get, one a line.
        let calls: String
    }

    /// - Parameters:
    ///   - swift: what its script does; nil where there is none.
    ///   - installed: the pattern of the packages that are installed.
    ///   - upgraded: how many installed packages apt-get would upgrade.
    private func setup(
        _ arguments: String..., swift: String? = goodSwift, installed: String = "*", upgraded: Int = 2
    ) throws -> Reply {
        try TemporaryFolder.with { folder in
            let calls = folder.path("calls")
            // The size is asked for first, with --assume-no.
            let apt = """
                [ "$1" = -q ] && shift 3
                echo "$*" >>\(calls)
                case "$*" in
                    *--assume-no* | *--simulate*) echo '\(upgraded) upgraded, 7 newly installed, 0 to remove.' ;;
                esac
                """
            let query = """
                shift 2
                for name; do case $name in \(installed)) echo "$name installed" ;; esac; done
                """
            var programs = ["apt-get": apt, "dpkg-query": query, "sudo": "exit 1"]
            programs["swift"] = swift
            for (name, script) in programs {
                // Copied by another process: a program that we have written may still be open in another test's child process.
                let source = try folder.write(Data("#!/bin/sh\n\(script)\n".utf8), to: "source")
                try Network.run("/usr/bin/install", ["-m", "0755", source, folder.path(name)])
            }
            let path = folder.url.path + ":/usr/bin:/bin"
            let (status, text) = try Network.output(
                "/usr/bin/setsid",  // no terminal to ask for a password on
                ["--wait", "/usr/bin/env", "-i", "PATH=\(path)", Network.project + "/Scripts/setup"] + arguments)
            return Reply(
                status: status, text: text, calls: (try? String(contentsOfFile: calls, encoding: .utf8)) ?? "")
        }
    }

    @Test(
        "prints and does nothing if everything is installed",
        arguments: ["build", "demo", "demo-all", "package", "test"])
    func complete(purpose: String) throws {
        let reply = try setup(purpose)
        #expect(reply.status == 0 && reply.text == "" && reply.calls == "", "\(reply)")
    }

    @Test(
        "with --only-adds it says whether installed packages would change, and installs nothing", arguments: [0, 1, 20])
    func onlyAdds(upgraded: Int) throws {
        let reply = try setup("--only-adds", "test", installed: "g++", upgraded: upgraded)
        #expect(reply.status == (upgraded == 0 ? 0 : 1) && reply.text == "", "\(reply)")
        #expect(reply.calls.split(separator: "\n").allSatisfy { $0.hasPrefix("install --simulate ") }, "\(reply)")
        #expect(try setup("--only-adds", "test").calls == "", "nothing is missing")
    }

    @Test("a missing Swift is noticed before any package is fetched")
    func noSwift() throws {
        let reply = try setup("demo", swift: nil, installed: "none")
        #expect(reply.status != 0 && reply.calls == "", "\(reply)")
        #expect(reply.text.contains("swift is not in PATH") && reply.text.contains("hint: install Swift 6.2"))
    }

    @Test("a Swift that does not run is reported with its own error, with a hint for a missing library")
    func brokenSwift() throws {
        let error = "swift: error while loading shared libraries: libncurses.so.6: cannot open shared object file"
        let reply = try setup("build", swift: "echo '\(error)' >&2; exit 127")
        #expect(reply.status != 0 && reply.text.contains(error), "\(reply)")
        #expect(reply.text.contains("hint: install the Debian package with libncurses.so.6"), "\(reply)")
    }

    @Test("a Swift that is too old is refused by its version")
    func oldSwift() throws {
        let reply = try setup("build", swift: "echo 'Swift version 5.10 (swift-5.10-RELEASE)'")
        #expect(reply.status != 0 && reply.text.contains("this is Swift 5.10, and 6.2 is needed"), "\(reply)")
    }

    @Test(
        "installs the missing packages of a purpose: a compiler for all, a browser and a virtual machine for the tests only",
        .enabled(if: isRoot, "packages are installed as root"))
    func purposes() throws {
        for (purpose, needed, spared) in [
            ("build", ["g++", "git", "libncurses6"], ["mosquitto", "chromium", "lintian"]),
            ("demo", ["g++", "mosquitto", "sqlite3"], ["chromium", "swtpm", "lintian"]),
            ("package", ["build-essential", "lintian", "fakeroot"], ["chromium", "mosquitto"]),
            ("demo-all", ["chromium", "chromium-sandbox"], ["swtpm", "lintian"]),
            ("test", ["chromium", "swtpm", "python3-pip", "spin"], ["lintian"]),
        ] {
            let reply = try setup(purpose, installed: "pkg-config | python3")
            let names = Set(reply.calls.split(separator: "\n").last?.split(separator: " ").map(String.init) ?? [])
            #expect(reply.status == 0, "\(reply)")
            #expect(names.isSuperset(of: needed) && names.isDisjoint(with: spared), "\(purpose): \(names)")
            #expect(!names.contains("pkg-config"), "it is installed")
            #expect(reply.text.contains("setup: installing 7 packages"), "\(reply)")
        }
    }

    @Test(
        "a user who cannot become root is shown the command for root",
        .enabled(if: !isRoot, "this is root"))
    func noSudo() throws {
        let reply = try setup("demo", installed: "none")
        #expect(reply.status != 0 && reply.calls == "", "\(reply)")
        #expect(reply.text.contains("hint: as root, run: apt-get update && apt-get install"), "\(reply)")
    }
}
