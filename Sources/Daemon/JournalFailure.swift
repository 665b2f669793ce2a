import Files
import SQLite

extension Journal {
    /// A journal that cannot be used, and what that means.
    package enum Failure: Error, Equatable {
        /// An error from SQLite.
        case database(DatabaseError)
        /// The file of sequence ceilings could not be written.
        case ceilings(FileError)
        /// The reserve could not be taken.
        case noReserve(FileError)

        /// The file of sequence ceilings is there, and could not be read.
        case unreadable(String, FileError)
        /// The journal is damaged, and could not be renamed.
        case notSetAside(FileError)
        /// This file, or the folder, is no longer the one that was opened.
        case replaced(String)

        var message: String {
            switch self {
            case .replaced(let path): "\(path) was removed or replaced while the beacon was using it"
            case .database(let error): "the journal cannot be written: \(error)"
            case .ceilings(let error): "the file of sequence ids cannot be written: \(error)"
            case .noReserve(let error): "the reserve for a full disk cannot be kept: \(error)"
            case .unreadable(let path, let error): "the file of sequence ids \(path) cannot be read: \(error)"
            case .notSetAside(let error): "the journal is damaged, and cannot be set aside: \(error)"
            }
        }

        var isReplacement: Bool { if case .replaced = self { true } else { false } }

        var isDamage: Bool { if case .database(let error) = self { error.kind == .damaged } else { false } }

        var isFull: Bool {
            switch self {
            case .database(let error): error.kind == .full
            case .ceilings(let error), .noReserve(let error), .notSetAside(let error): error.isFullDisk
            case .replaced, .unreadable: false
            }
        }

        /// What to do about it.
        /// - Parameter folder: where the journal is.
        func hint(_ folder: String) -> String {
            switch self {
            case .replaced:
                "find out what removes files there; the beacon makes a new journal and joins its servers again: srup-beacon status"
            case .unreadable(let path, .tooLong):
                "find out what has written to it, and restore it from a backup; without it, sequence ids start at the clock: \(path)"
            case .unreadable(let path, _): "check that it belongs to this user, and the disk: ls -l \(path); dmesg"
            case .ceilings(.noInodes), .noReserve(.noInodes), .notSetAside(.noInodes):
                "remove files that are not needed from that file system: df -i \(folder)"
            case .database, .ceilings, .noReserve, .notSetAside:
                isFull ? "free space in \(folder)" : "check that \(folder) is on a disk that can be written"
            }
        }
    }

    /// What was found when the journal was opened, for the log and for `status`.
    enum Finding: Equatable {
        /// An intact journal, or a new one.
        case whole
        /// It was damaged and has been set aside under this name.
        case damaged(aside: String)
        /// The file of ceilings belongs to a journal that is missing, or to a later one.
        case lost
    }
}
