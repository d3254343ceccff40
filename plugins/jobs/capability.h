/* What a driver or a set of commands adds to the module. Each has one static object of it, and nothing else names it:
 *
 *     static Capability capability(RegisterNearTableJobs, RegisterNearTableDriver);
 */
#ifndef FN_CAPABILITY_H
#define FN_CAPABILITY_H

namespace fishnet
{

class Capability
{
  public:
    using Register = void (*)();
    /* jobs: makes known what helper processes know of it, too; NULL: nothing. host: what GDAL knows of it. */
    Capability(Register jobs, Register host) noexcept;
    Capability(const Capability &) = delete;
    Capability &operator=(const Capability &) = delete;

    /* Of all of them, in the order in which the module is linked: the commands after the drivers. */
    static void RegisterJobs();
    static void RegisterAll();

  private:
    Register m_jobs, m_host;
    Capability *m_next = nullptr;
};

} // namespace fishnet

#endif
