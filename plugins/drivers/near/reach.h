/* What of the near side a share of the input can find: what lies within RADIUS around the extent of its features. The
 * same of a whole input, where the near side lies beyond a network. */
#ifndef FN_NEARTABLE_REACH_H
#define FN_NEARTABLE_REACH_H

#include <ogr_core.h>

#include "plan.h"

namespace fishnet::neartable
{

class Reach
{
  public:
    /* goesOn: asked while the share is read. */
    Reach(const NearPlan &plan, const GoesOn &goesOn) : m_plan(plan), m_goesOn(goesOn) {}

    /* Whether all neighbours of the share's features in the layer touch a box, in the layer's coordinates, that is
     * much smaller than the layer, and the layer finds them without reading all. False where that is not known. Reads
     * the share when it is first needed. */
    bool Covers(const LayerPlan &layer, GDALDatasetH dataset, OGRLayerH handle, OGREnvelope *box);
    /* Whether it has covered any; and that it is to cover none any more. */
    bool IsUsed() const { return m_isUsed; }
    void GiveUp() { m_isGivenUp = true; }

  private:
    bool IsWorthIt(const LayerPlan &layer) const;
    bool FindShare(OGRLayerH handle);
    bool GrowOnEarth();
    void GrowInPlane();
    bool InDegrees(const LayerPlan &layer, OGRLayerH handle, OGREnvelope *box) const;

    const NearPlan &m_plan;
    const GoesOn &m_goesOn;
    bool m_isRead = false, m_isKnown = false, m_isUsed = false, m_isGivenUp = false;
    OGREnvelope m_box; /* in the plan's CRS; geodesic: in degrees */
};

} // namespace fishnet::neartable

#endif
