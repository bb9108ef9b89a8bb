// SPDX-License-Identifier: Apache-2.0
//
// "CSTRING covers paths; CSTRING_ARRAY covers argv": execve(p, p, NULL), where p's first word is a
// pointer to a string and its bytes are a name. Both arguments are pinned, each as its kind; then
// an entry of the table changes. The new program says which one it got.

#include "conform/proposals/pin_args/confirm/confirm.h"

static const char kTest[] = "pin_args_two_kinds_at_one_address";
static const char kName[] = "aaaaaa";
static const char kFirst[] = "two-kinds";
static char approved[] = "approved";
static char changed[] = "changed";
enum { kApproved = 40, kChanged = 41, kStrings = 256 };
// Its bytes are kName.
static const uintptr_t kAddress = 0x616161616161;

static char** table;

static void Body(void* data) {
  (void)data;
  execve((const char*)table, table, NULL);
  _exit(1);
}

static void MakeTable(void) {
  const uintptr_t page = kAddress & ~(uintptr_t)4095;
  char* const text = mmap((void*)page, 8192, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (text != (char*)page) Die("mmap");
  strcpy((char*)kAddress, kFirst);
  table = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (table == MAP_FAILED) Die("mmap");
  table[0] = (char*)kAddress;
  table[1] = approved;
  if (chdir("/tmp") != 0 && chdir("/") != 0) Die("chdir");
  unlink(kName);
  if (symlink("/proc/self/exe", kName) != 0) Die("symlink");
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[0], kFirst) == 0) {
    return strcmp(argv[1], approved) == 0 ? kApproved : kChanged;
  }
  Begin(kTest);
  MakeTable();
  const int listener = StartTarget(SYS_execve, Body, NULL);
  const struct seccomp_notif notif = Receive(listener);
  char buffer[64 + kStrings];
  struct seccomp_notif_pin_args request = {
      .id = notif.id, .nr_args = 2, .buf_size = sizeof(buffer), .buf = (uintptr_t)buffer};
  request.args[0].arg_idx = 0;
  request.args[0].kind = SECCOMP_PIN_CSTRING;
  request.args[0].max_bytes = 64;
  request.args[1].arg_idx = 1;
  request.args[1].kind = SECCOMP_PIN_CSTRING_ARRAY;
  request.args[1].max_bytes = kStrings;
  if (Pin(listener, &request) != 0) Die("PIN_ARGS");
  uint32_t header[3];
  memcpy(header, buffer + request.args[1].buf_offset, sizeof(header));
  Note("the supervisor is shown '%s' and %u strings, the last '%s'", buffer, header[0],
       buffer + request.args[1].buf_offset + header[2]);
  table[1] = changed;
  if (Send(listener, notif.id, CONTINUE_PINNED_FLAGS, 0) != 0) Die("SEND");
  int status = 0;
  if (waitpid(target_pid, &status, 0) != target_pid) Die("waitpid");
  target_pid = 0;
  unlink(kName);
  if (!WIFEXITED(status) || WEXITSTATUS(status) < kApproved) Die("execve");
  const int kept = WEXITSTATUS(status) == kApproved;
  Note("the new program's argument is '%s'", kept ? approved : changed);
  Verdict(kTest, kept);
}
