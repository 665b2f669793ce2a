import BootTime
import Files

/// What the daemon was started with. Nothing of it changes until the process ends.
struct Startup: Sendable {
    /// Is read again at each reload.
    let configurationFile: String
    /// Reads and checks the keys that a configuration names.
    /// - Throws: `OperatorFault` where one is not usable.
    let loadMaterials: @Sendable (Configuration) throws -> KeyMaterial
    /// The kernel's name for this boot: CLOCK_BOOTTIME counts from it.
    let bootID: String
    let startedAt: Instant
    /// The wall clock in microseconds since 1970: only what begins sequence ids reads it so closely.
    let wallMicroseconds: @Sendable () -> Int64
    /// The wall clock at the start in seconds since 1970.
    let wallSeconds: Int64
    /// The service manager that has started us, as the environment names it.
    let service = ServiceManager()

    init(
        configurationFile: String, startedAt: Instant, wallMicroseconds: @escaping @Sendable () -> Int64,
        loadMaterials: @escaping @Sendable (Configuration) throws -> KeyMaterial
    ) {
        (self.configurationFile, self.startedAt, self.loadMaterials) = (configurationFile, startedAt, loadMaterials)
        self.wallMicroseconds = wallMicroseconds
        wallSeconds = wallMicroseconds() / 1_000_000
        bootID = Startup.bootID
    }

    /// The kernel's name for the boot that this is; empty: it is not known.
    static var bootID: String {
        String(decoding: (try? File.read("/proc/sys/kernel/random/boot_id")) ?? [], as: UTF8.self)
            .filter { !$0.isWhitespace }
    }
}
