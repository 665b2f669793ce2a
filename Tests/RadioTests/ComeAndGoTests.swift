import Foundation
import ProofLink
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    @Suite("Links that are opened and closed", .serialized)
    struct ComeAndGoTests {
        let field: RadioFixture

        init() throws { field = try RadioFixture.with() }

        private func descriptors() throws -> Int {
            let process = try #require(field.beacon.process?.process)
            return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
        }

        /// Resident memory in KiB (proc(5), status).
        private func resident() throws -> Int {
            let process = try #require(field.beacon.process?.process)
            let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
            return try #require(status.firstMatch(of: /VmRSS:\s+(\d+)/).flatMap { Int($0.1) })
        }

        /// One link that is abandoned at one of three points.
        private func comeAndGo(_ number: Int, _ way: Route) throws {
            let link = try TestDevice(way)
            guard !number.isMultiple(of: 3), case .hello? = try link.receive(), number % 3 == 2 else { return }
            link.send(.ready(mode: .challenge, device: Node.device))
            if number % 6 == 5 { _ = try link.receive() }  // WAIT
        }

        private func comeAndGo(times: Int) throws {
            for transport in Radio.transports {
                let way = try Radio.deviceWay(transport)
                for number in 0..<times / Radio.transports.count { try comeAndGo(number, way) }
            }
            try eventually("no link is left\n\(field.beacon.logged.suffix(4_000))") {
                field.beacon.status["open_links"] as? Int == 0
            }
        }

        @Test("they leave no descriptor and no memory behind")
        func nothingIsLeft() throws {
            try comeAndGo(times: Scale.warmUp)
            let before = (descriptors: try descriptors(), resident: try resident())
            try comeAndGo(times: Scale.cycles)
            try eventually("the descriptors are given back") { try descriptors() <= before.descriptors }
            let after = try resident()
            #expect(after - before.resident < Scale.cycles * Scale.leakThatShows)
            print(
                "after \(Scale.cycles) links: \(before.descriptors) descriptors as before,",
                "resident \(before.resident) KiB before, \(after) KiB after")
            for transport in Radio.transports { try field.expectService(try Radio.deviceWay(transport)) }
        }
    }
}
