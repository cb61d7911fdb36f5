# Joins standard input and output to an address and a port. Told to look, only connects. Exit code
# 101: not connected; 102: broken off.
use Socket qw(:all);
$SIG{PIPE} = "IGNORE";
$SIG{ALRM} = sub { exit 101 };
alarm 10;
my $hints = { flags => AI_NUMERICHOST, socktype => SOCK_STREAM };
my ($wrong, $to) = getaddrinfo($ARGV[0], $ARGV[1], $hints);
exit 101 if $wrong;
my $far;
socket($far, $to->{family}, SOCK_STREAM, 0) && connect($far, $to->{addr}) or exit 101;
alarm 0;
exit if $ARGV[2];
setsockopt($far, IPPROTO_TCP, TCP_NODELAY, 1);
sub pass {
    my ($from, $into) = @_;
    while (1) {
        my $read = sysread($from, my $piece, 65536);
        return 0 unless defined $read;
        return 1 unless $read;
        for (my $at = 0; $at < $read;) {
            $at += syswrite($into, $piece, $read - $at, $at) || return 0;
        }
    }
}
# A client may have said all, and wait for the answer.
my $out = fork // exit 102;
if (!$out) {
    pass(*STDIN, $far);
    shutdown($far, 1);
    exit;
}
my $whole = pass($far, *STDOUT);
kill "KILL", $out;
waitpid $out, 0;
exit($whole ? 0 : 102);
